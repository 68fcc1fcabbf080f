"""What drives the scripts of ticks and their model side by side, and compares them."""

import asyncio
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import redis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
)

from enrichment_service.ports import RefusedError
from enrichment_service.store.partitions import Marker
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.conftest import START_MS
from tests.enrichment_service.counted_by_hand import counted_by_hand
from tests.enrichment_service.model_budget import RefusalError
from tests.enrichment_service.model_callers import CallerModel
from tests.enrichment_service.model_engine import DEADLINE_MS
from tests.enrichment_service.store_state import model_state, stored_state
from tests.support.enrichment_store import (
    DAY_MS,
    FRESH_MS,
    HOUR_MS,
    MINUTE_MS,
    SPREAD_MS,
    Workspace,
)

ACCOUNTS = {"w/a": ("NEW", 2), "w/b": ("VETERAN", 0)}
ENRICHMENTS = {"w/e0": ("w/a", FRESH_MS), "w/e1": ("w/a", DAY_MS), "w/e2": ("w/b", FRESH_MS)}
PEOPLE = 24
OUTCOMES: dict[str, dict[str, Any]] = {
    "enriched": {"outcome": "ENRICHED"},
    "enriched, moved": {"outcome": "ENRICHED"},
    "partial": {"outcome": "PARTIAL", "retry_in_ms": HOUR_MS},
    "partial for good": {"outcome": "PARTIAL"},
    "failed": {"outcome": "FAILED", "failure": "NOT_FOUND"},
    "given up": {"outcome": "FAILED", "failure": "ATTEMPTS_EXHAUSTED", "error": True},
    "retry": {"outcome": "RETRY", "retry_in_ms": HOUR_MS, "error": True},
    "retry at once": {"outcome": "RETRY", "retry_in_ms": 0, "error": True},
    "not sent": {"outcome": "RETRY", "retry_in_ms": 0, "charged": False, "free": True},
    "checkpoint": {"outcome": "RETRY", "retry_in_ms": 0, "pause": {"reason": "CHECKPOINT"}},
    "limit": {
        "outcome": "RETRY",
        "retry_in_ms": MINUTE_MS,
        "pause": {"reason": "PROVIDER_LIMIT", "for_ms": 2 * HOUR_MS},
    },
    "limit of the day": {
        "outcome": "RETRY",
        "retry_in_ms": 0,
        "free": True,
        "pause": {"reason": "PROVIDER_LIMIT", "until_midnight": True},
    },
}

View = tuple[str, str, str]


class TickPair(RuleBasedStateMachine):
    """A store and its model, with the same accounts, enrichments and commands."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        self.client = redis.Redis.from_url(self.url)
        self.client.flushall()
        self.runner = asyncio.Runner()
        self.clock = SteppedClock.create(folder / "clock", START_MS)
        self.store = Store(url=self.url, clock=self.clock, marker=Marker(folder / "marker"))
        self.runner.run(self.store.open())
        self.workspace = Workspace(self.store, self.client)
        self.model = CallerModel(now_ms=START_MS, spread_ms=SPREAD_MS)
        self.numbers = count()
        self.leases: list[tuple[str, int]] = []
        self.views: list[tuple[tuple[str, int], View, str]] = []
        self.last_event = "0-0"
        self.events_seen = 0

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.clock.close()
        self.client.close()
        self.folder.cleanup()

    @initialize(first=st.integers(0, 12))
    def begin_with_some_work(self, first: int) -> None:
        for a, (strategy, share) in ACCOUNTS.items():
            name = a.removeprefix("w/")
            self.runner.run(self.workspace.connect(name, strategy=strategy, share=share))
            provider = f"provider-w-{name}"
            self.model.connect(a, provider=provider, strategy=strategy, share=share)
        for e, (a, max_age_ms) in ENRICHMENTS.items():
            names = e.removeprefix("w/"), a.removeprefix("w/")
            self.runner.run(self.workspace.create(*names, max_age_ms=max_age_ms))
            self.model.create(e, account=a, max_age_ms=max_age_ms)
            self.submit_people(e, range(first, first + 6), "vanity")

    @invariant()
    def has_written_down_the_same(self) -> None:
        tag = self.workspace.tag
        assert stored_state(self.client, tag, self.model) == model_state(self.model)

    @invariant()
    def has_counted_the_same(self) -> None:
        """What metrics are made of is what a look at every account says."""
        counted = self.call("describe_partition")
        expected = counted_by_hand(self.client, self.workspace.tag, counted)
        expected["log"]["added"] = len(self.model.events)
        assert counted == expected

    @invariant()
    def shows_the_same(self) -> None:
        """Budgets, and people as each account may see them."""
        names = sorted(self.model.accounts)
        budgets = self.call("get_view_budgets", accounts=names)
        assert isinstance(budgets, list)
        for name, budget in zip(names, budgets, strict=True):
            usage = {field: int(n) for field, n in budget["usage"].items() if int(n)}
            assert budget | {"usage": usage} == self.model.accounts[name].budget.budget()
        people = sorted(self.model.people.records)
        for name in names:
            request = {"workspace": "w", "profiles": people, "account": name}
            records = people and self.call("get_profiles", **request)
            assert isinstance(records, list)
            for p, record in zip(people, records, strict=True):
                del record["now"]
                decoded = {
                    field: orjson.loads(value) if field in ("data", "viewer") else value
                    for field, value in record.items()
                }
                assert decoded == self.model.people.shown(p, self.model.accounts[name].provider)

    @invariant()
    def has_logged_the_same(self) -> None:
        """Whatever came since the last step; in the end that is the whole log."""
        answer = self.call("read_events", after=self.last_event, limit=1000, join=False)
        assert isinstance(answer, dict)
        expected = self.model.events[self.events_seen :]
        assert [orjson.loads(event[1]) for event in answer["events"]] == expected
        self.events_seen += len(expected)
        if expected:
            self.last_event = answer["events"][-1][0]

    def submit_people(self, e: str, people: range, known_as: str) -> None:
        profiles = []
        for number in people:
            vanity, provider = f"p{number}", f"ACo-p{number}"
            ids = {"vanity": [vanity], "provider": [provider]}.get(known_as, [vanity, provider])
            serial = next(self.numbers)
            names = {"reference": f"ref{serial}", "fresh_id": f"fresh{serial:08d}"}
            profiles.append({"ids": ids, "ask": ids[0], **names})
        answer = self.call("submit_profiles", enrichment=e, profiles=profiles)
        self.same(answer, lambda: self.model.submit(e, profiles))

    def claim_next(self) -> bool:
        """True when there was a tick to claim."""
        answer = self.call("claim_tick", lease_ms=HOUR_MS)
        assert isinstance(answer, dict)
        claimed = answer.get("claimed", {})
        shown = {name: claimed[name] for name in ("account", "token") if claimed}
        shown |= {"due": answer.get("due"), "open": answer["open"]}
        assert shown == self.model.claim()
        if claimed:
            a = claimed["account"]
            self.leases.append((a, claimed["token"]))
            expected = self.model.accounts[a].budget.budget()
            assert claimed["budget"]["for_enrichment"] == expected["for_enrichment"]
        return bool(claimed)

    def begin_view(self, lease: tuple[str, int], *, again: bool) -> bool:
        a, token = lease
        in_flight = self.model.accounts[a].in_flight
        repeats = again and in_flight is not None
        reservation = in_flight[2] if repeats and in_flight else f"permit{next(self.numbers)}"
        answer = self.call(
            "begin_view",
            account=a,
            token=token,
            reservation=reservation,
            permit_ms=HOUR_MS,
            deadline_ms=DEADLINE_MS,
            spread_ms=SPREAD_MS,
        )
        self.same(answer, lambda: self.model.begin(a, token, reservation))
        if not isinstance(answer, dict) or "view" not in answer:
            return False
        view = answer["view"]
        self.views.append((lease, (view["enrichment"], view["profile"], reservation), view["ask"]))
        return True

    def finish_view(self, lease: tuple[str, int], view: View, ask: str, outcome: str) -> None:
        (a, token), (e, p, reservation) = lease, view
        request = {"charged": True, "error": False, "person": None} | OUTCOMES[outcome]
        if request["outcome"] in ("ENRICHED", "PARTIAL"):
            moved = "moved" in outcome
            complete = request["outcome"] == "ENRICHED"
            request["person"] = self.person(ask, complete=complete, moved=moved)
        answer = self.call(
            "finish_view",
            account=a,
            token=token,
            enrichment=e,
            profile=p,
            reservation=reservation,
            counts_as_error=request["error"],
            spread_ms=SPREAD_MS,
            **{name: value for name, value in request.items() if name != "error"},
        )
        assert answer == self.model.finish(a, token, view, **request)

    def person(self, ask: str, *, complete: bool, moved: bool) -> dict[str, Any]:
        """Whoever is asked for by a vanity may be another member each time; an id stays."""
        vanity, number = ask.removeprefix("ACo-"), next(self.numbers)
        provider = f"ACo-{vanity}"
        if moved and ask == vanity:
            provider += "-other"
        elif vanity.endswith("-other"):
            vanity = vanity.removesuffix("-other")
        field = "first_name" if complete else "headline"
        return {
            "data": {"provider_id": provider, field: f"value{number}"},
            "ids": [vanity, provider],
            "ask": ask,
            "vanity": vanity,
            "provider_id": provider,
            "viewer": {"degree": f"degree{number}"},
            "new_profile": f"fresh{number:08d}",
        }

    def call(self, function: str, **request: Any) -> object:
        """The answer, or why it was refused."""
        try:
            answer: object = self.runner.run(self.workspace.call(function, **request))
        except RefusedError as refused:
            return refused.reason
        return answer

    def same(self, answer: object, model: Callable[[], object]) -> None:
        try:
            expected = model()
        except RefusalError as refused:
            expected = refused.reason
        assert answer == ({} if expected is None else expected)

    def same_if_refused(self, answer: object, model: Callable[[], object]) -> None:
        """The same of a command whose answer says nothing new."""
        refusal = None
        try:
            model()
        except RefusalError as refused:
            refusal = refused.reason
        assert refusal == (answer if isinstance(answer, str) else None)

    def lease(self, which: int) -> tuple[str, int]:
        """Mostly the newest, sometimes one that was given up."""
        return self.leases[-1 - (max(0, which - 4) % len(self.leases))]

    def open_permits(self) -> list[tuple[str, str]]:
        if self.model.overdue:
            return []
        return [
            (a, account.in_flight[2])
            for a, account in sorted(self.model.accounts.items())
            if account.in_flight
            and account.budget.reservations[account.in_flight[2]].state == "open"
        ]
