"""A function refuses before its first write or not at all: a refusal leaves every key as it was."""

import re
from collections.abc import Mapping
from importlib import resources

import pytest

from enrichment_service.ports import RefusedError
from servicekit.clock import SteppedClock
from tests.support.enrichment_store import HOUR_MS, Workspace
from tests.support.key_leaks import dump

SCRIPTS = resources.files("enrichment_service") / "scripts"
FUNCTIONS = sorted(
    name.removesuffix(".lua")
    for path in SCRIPTS.iterdir()
    if not (name := path.name).startswith("_")
)
BODY = {"request_id": "used", "body": "another"}
VIEWS = {"account": "w/a", "purpose": "MANUAL", "count": 1, "reservation": "new", "ttl_ms": 1}
SETTINGS = {"provider": "p", "strategy": "NEW", "pacing": "BURST"}
CREATE = {"enrichment": "w/new", "account": "w/a", "display_name": "", "max_age_ms": 1}
PERSON = {"ids": ["x"], "ask": "x", "reference": "", "fresh_id": "fresh-known"}
LEASE = {"account": "w/a", "token": 99, "reservation": "new", "lease_ms": 1, "permit_ms": 1}
NO_ACCOUNT = {"account": "w/none"}
NO_ENRICHMENT = {"enrichment": "w/none"}
FUTURE = 10**6

REFUSALS: list[tuple[str, str, Mapping[str, object]]] = [
    ("begin_view", "LEASE_LOST", {**LEASE, "deadline_ms": 1, "spread_ms": 1}),
    ("cancel_enrichment", "ENRICHMENT_NOT_FOUND", NO_ENRICHMENT),
    ("claim_provider_account", "PROVIDER_ACCOUNT_CLAIMED", {"provider": "taken", "owner": "w/b"}),
    ("connect_account", "ACCOUNT_EXISTS", {"account": "w/a", "settings": SETTINGS}),
    ("connect_account", "REQUEST_ID_REUSED", {"account": "w/b", "settings": SETTINGS, **BODY}),
    (
        "connect_account",
        "RAMP_START_IN_FUTURE",
        {"account": "w/b", "settings": SETTINGS, "ramp_start": FUTURE},
    ),
    ("consume_views", "ACCOUNT_NOT_FOUND", VIEWS | NO_ACCOUNT),
    ("consume_views", "REQUEST_ID_REUSED", VIEWS | BODY),
    ("consume_views", "VIEW_BUDGET_EXHAUSTED", VIEWS | {"count": 99, "request_id": "fresh"}),
    ("create_enrichment", "ACCOUNT_NOT_FOUND", CREATE | NO_ACCOUNT),
    ("create_enrichment", "ENRICHMENT_EXISTS", CREATE | {"enrichment": "w/e"}),
    ("create_enrichment", "REQUEST_ID_REUSED", CREATE | BODY),
    ("delete_account", "ACCOUNT_NOT_FOUND", NO_ACCOUNT),
    ("delete_account", "ACCOUNT_IN_USE", {"account": "w/a"}),
    ("delete_account", "ETAG_MISMATCH", {"account": "w/a", "revision": "99"}),
    ("end_tick", "LEASE_LOST", LEASE),
    ("explain_enrichment", "ENRICHMENT_NOT_FOUND", NO_ENRICHMENT),
    ("explain_enrichment", "PROFILE_NOT_FOUND", {"enrichment": "w/e", "profile": "none"}),
    ("get_account", "ACCOUNT_NOT_FOUND", NO_ACCOUNT),
    ("get_enrichment", "ENRICHMENT_NOT_FOUND", NO_ENRICHMENT),
    ("get_view_budgets", "ACCOUNT_NOT_FOUND", {"accounts": ["w/a", "w/none"]}),
    ("renew_lease", "LEASE_LOST", LEASE),
    ("reserve_views", "ACCOUNT_NOT_FOUND", VIEWS | NO_ACCOUNT),
    ("reserve_views", "REQUEST_ID_REUSED", VIEWS | BODY),
    ("reserve_views", "VIEW_BUDGET_EXHAUSTED", VIEWS | {"count": 99, "request_id": "fresh"}),
    ("retry_failed", "ENRICHMENT_NOT_FOUND", {**NO_ENRICHMENT, "after": ""}),
    ("retry_failed", "ENRICHMENT_CANCELLED", {"enrichment": "w/gone", "after": ""}),
    ("set_account_connection", "ACCOUNT_NOT_FOUND", {**NO_ACCOUNT, "connected": False}),
    ("set_enrichment_paused", "ENRICHMENT_NOT_FOUND", {**NO_ENRICHMENT, "paused": True}),
    ("set_enrichment_paused", "ENRICHMENT_CANCELLED", {"enrichment": "w/gone", "paused": True}),
    ("settle_reservation", "ACCOUNT_NOT_FOUND", {**NO_ACCOUNT, "reservation": "open"}),
    ("settle_reservation", "RESERVATION_NOT_FOUND", {"account": "w/a", "reservation": "none"}),
    ("settle_reservation", "RESERVATION_EXPIRED", {"account": "w/a", "reservation": "expired"}),
    ("settle_reservation", "RESERVATION_SETTLED", {"account": "w/a", "reservation": "settled"}),
    (
        "settle_reservation",
        "USED_ABOVE_RESERVED",
        {"account": "w/a", "reservation": "open", "used": 3},
    ),
    ("submit_profiles", "ENRICHMENT_NOT_FOUND", {**NO_ENRICHMENT, "profiles": [PERSON]}),
    ("submit_profiles", "ENRICHMENT_CANCELLED", {"enrichment": "w/gone", "profiles": [PERSON]}),
    ("submit_profiles", "PROFILE_ID_TAKEN", {"enrichment": "w/e", "profiles": [PERSON]}),
    ("update_account", "ACCOUNT_NOT_FOUND", {**NO_ACCOUNT, "settings": {}}),
    ("update_account", "ETAG_MISMATCH", {"account": "w/a", "settings": {}, "revision": "99"}),
    (
        "update_account",
        "RAMP_START_IN_FUTURE",
        {"account": "w/a", "settings": {}, "ramp_start": FUTURE},
    ),
    ("withdraw_profiles", "ENRICHMENT_NOT_FOUND", {**NO_ENRICHMENT, "profiles": []}),
]


@pytest.fixture
async def eventful(workspace: Workspace, clock: SteppedClock) -> Workspace:
    """A workspace with something of everything, and time that has gone on since."""
    await workspace.call("claim_provider_account", provider="taken", owner="w/a")
    await workspace.connect()
    await workspace.create()
    await workspace.create("gone")
    await workspace.call("cancel_enrichment", enrichment="w/gone")
    person = PERSON | {"ids": ["known"], "ask": "known"}
    await workspace.call("submit_profiles", enrichment="w/e", profiles=[person])
    await workspace.call("consume_views", **VIEWS | BODY | {"body": "first"})
    for name in ("open", "expired", "settled"):
        await workspace.call(
            "reserve_views", **VIEWS | {"count": 2, "reservation": name, "ttl_ms": HOUR_MS}
        )
    workspace.let_expire("expired")
    await workspace.settle("settled", used=1)
    assert await workspace.claim() is not None
    clock.advance_by(1)
    return workspace


@pytest.mark.parametrize(
    ("function", "reason", "request_"),
    REFUSALS,
    ids=[f"{function}-{reason}" for function, reason, _ in REFUSALS],
)
async def test_a_refusal_changes_nothing(
    eventful: Workspace, function: str, reason: str, request_: Mapping[str, object]
) -> None:
    before = dump(eventful.client)
    assert await eventful.refusal(function, **request_) == reason
    assert dump(eventful.client) == before


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != "open_partition"])
@pytest.mark.parametrize("reason", ["EPOCH_CHANGED", "STORE_NOT_INITIALISED"])
async def test_every_function_refuses_another_epoch(
    eventful: Workspace, function: str, reason: str
) -> None:
    header = eventful.tag + "header"
    if reason == "EPOCH_CHANGED":
        eventful.client.hset(header, "epoch", "of somebody else")
    else:
        eventful.client.delete(header)
    before = dump(eventful.client)
    with pytest.raises(RefusedError) as refused:
        # Below Store.call, which would begin a new epoch.
        await eventful.store._call(eventful.partition, function, {})
    assert refused.value.reason == reason
    assert dump(eventful.client) == before


def test_every_refusal_is_tried() -> None:
    written = {
        (name, reason)
        for name in FUNCTIONS
        for reason in re.findall(
            r"refuse\(\{ reason = '(\w+)'", (SCRIPTS / f"{name}.lua").read_text("utf-8")
        )
    }
    tried = {(function, reason) for function, reason, _ in REFUSALS}
    assert written - tried == set()
