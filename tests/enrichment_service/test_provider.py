"""The provider adapter against the simulator: each answer that it can give, and what it means."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count

import aiohttp
import pytest

from enrichment_service.model import ConnectionDegree, PauseReason
from enrichment_service.policy.outcomes import classify
from enrichment_service.provider import ConnectedAccountProvider
from enrichment_service.view_results import Finding, OutcomeKind, ViewResult
from tests.enrichment_service.test_outcomes import ROWS
from tests.support.simulator_client import SimulatorClient
from tests.support.simulator_process import KEY, SimulatorProcess

NOW_MS = 1_800_000_000_000
_numbers = count(1)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulator in which nobody is awkward by chance."""
    folder = tmp_path_factory.mktemp("simulator")
    with SimulatorProcess(folder, null_share="0", private_share="0") as process:
        yield process


@pytest.fixture
async def sim(simulator: SimulatorProcess) -> AsyncIterator[SimulatorClient]:
    async with aiohttp.ClientSession() as session:
        yield SimulatorClient(url=simulator.url, session=session)


@asynccontextmanager
async def open_provider(
    url: str, *, api_key: str = KEY, connections: int = 4
) -> AsyncIterator[ConnectedAccountProvider]:
    provider = ConnectedAccountProvider(
        url=url, api_key=api_key, connections=connections, now_ms=lambda: NOW_MS
    )
    try:
        yield provider
    finally:
        await provider.close()


@pytest.fixture
async def provider(simulator: SimulatorProcess) -> AsyncIterator[ConnectedAccountProvider]:
    async with open_provider(simulator.url) as provider:
        yield provider


@pytest.fixture
def account() -> str:
    """An account that no other test uses."""
    return f"account/ä {next(_numbers)}"


async def view(
    provider: ConnectedAccountProvider,
    *,
    account: str,
    identifier: str = "ada-lovelace",
    deadline: float = 10,
) -> ViewResult:
    return await provider.view(
        provider_account_id=account, identifier=identifier, deadline_seconds=deadline
    )


async def test_a_profile_with_all_that_a_view_shows(
    provider: ConnectedAccountProvider, sim: SimulatorClient, account: str
) -> None:
    result = await view(provider, account=account, identifier="Ada-Lovelace")
    assert (result.finding, result.status) == (Finding.COMPLETE, 200)
    assert classify(finding=result.finding).kind is OutcomeKind.ENRICHED
    profile = result.profile
    assert profile is not None
    names = (await sim.call("GET", "/_sim/people/ada-lovelace")).json
    assert profile.provider_id == names["provider_id"]
    assert profile.public_identifier == "ada-lovelace"
    assert profile.public_profile_url == "https://www.linkedin.com/in/ada-lovelace"
    assert (profile.first_name, profile.last_name) == ("Ada", "Lovelace")
    assert profile.headline == f"{profile.title} at {profile.company}"
    assert profile.member_id.isdigit()
    assert profile.location
    assert profile.picture_url.startswith("https://")
    assert f"e={(profile.picture_expire_ms or 0) // 1000}&" in profile.picture_url
    assert profile.connection_degree is not None
    assert profile.shared_connections_count is not None


@pytest.mark.parametrize(
    "identifier",
    ["михаил-петров-559b70240", "josé-garcía", "100%-real", "a%2Fb", "%2e%2e%2e", "a&b=c;d+e,f"],
)
async def test_identifiers_arrive_as_they_are(
    provider: ConnectedAccountProvider, sim: SimulatorClient, account: str, identifier: str
) -> None:
    result = await view(provider, account=account, identifier=identifier)
    [logged] = [each for each in await all_views(sim) if each["account_id"] == account]
    assert logged["identifier"] == identifier
    assert logged["counted"]
    assert result.profile is not None


async def all_views(sim: SimulatorClient) -> list[dict[str, object]]:
    views: list[dict[str, object]] = (await sim.call("GET", "/_sim/views")).json["views"]
    return views


async def test_a_person_is_found_by_every_id(
    provider: ConnectedAccountProvider, sim: SimulatorClient, account: str
) -> None:
    names = (await sim.call("GET", "/_sim/people/grace-hopper")).json
    found = [
        await view(provider, account=account, identifier=names[kind])
        for kind in ("vanity", "provider_id", "sales_id")
    ]
    assert [result.finding for result in found] == [Finding.COMPLETE] * 3
    assert len({result.profile for result in found}) == 1


@pytest.mark.parametrize(("status", "error_type"), [(int(row[0]), row[1]) for row in ROWS])
async def test_each_error_of_the_table(
    provider: ConnectedAccountProvider,
    sim: SimulatorClient,
    account: str,
    status: int,
    error_type: str,
) -> None:
    await sim.fault(account=account, action="error", type=error_type)
    result = await view(provider, account=account)
    assert result == ViewResult(finding=Finding.ERROR, status=status, error_type=error_type)
    outcome = classify(finding=result.finding, status=status, error_type=error_type)
    [logged] = [each for each in await all_views(sim) if each["account_id"] == account]
    # What LinkedIn counts must be charged; charging more is safe.
    assert outcome.charged >= bool(logged["counted"])


@pytest.mark.parametrize(
    ("action", "finding", "kind"),
    [
        ("throttle", Finding.THROTTLED, OutcomeKind.PARTIAL),
        ("null_names", Finding.NAMES_WITHHELD, OutcomeKind.PARTIAL),
        ("another_member", Finding.ANOTHER_MEMBER, OutcomeKind.DISCARDED),
        ("not_a_profile", Finding.NOT_A_PROFILE, OutcomeKind.DISCARDED),
        ("broken_json", Finding.BROKEN_BODY, OutcomeKind.RETRY),
        ("redirect", Finding.REDIRECT, OutcomeKind.RETRY),
        ("huge_body", Finding.OVERSIZED, OutcomeKind.RETRY),
        ("reset", Finding.CONNECTION_LOST, OutcomeKind.RETRY),
        ("bad_gateway_html", Finding.ERROR, OutcomeKind.RETRY),
        ("hang", Finding.TIMEOUT, OutcomeKind.RETRY),
        ("drip", Finding.TIMEOUT, OutcomeKind.RETRY),
    ],
)
async def test_each_way_to_misbehave(
    provider: ConnectedAccountProvider,
    sim: SimulatorClient,
    account: str,
    action: str,
    finding: Finding,
    kind: OutcomeKind,
) -> None:
    # A connection that is kept from before is the one that clients like to repeat requests on.
    assert (await view(provider, account=account)).finding is Finding.COMPLETE
    await sim.fault(account=account, action=action, interval_ms=20)
    deadline = 0.5 if finding is Finding.TIMEOUT else 10
    started = asyncio.get_running_loop().time()
    result = await view(provider, account=account, deadline=deadline)
    assert asyncio.get_running_loop().time() - started < 5
    assert result.finding is finding
    outcome = classify(finding=result.finding, status=result.status, error_type=result.error_type)
    assert (outcome.kind, outcome.charged) == (kind, True)
    assert (result.profile is not None) == (kind is OutcomeKind.PARTIAL)
    asked = [each for each in await all_views(sim) if each["account_id"] == account]
    assert len(asked) == 2, "one call, one request"
    await sim.call("DELETE", "/_sim/faults")
    assert (await view(provider, account=account)).finding is Finding.COMPLETE


async def test_a_throttled_profile_keeps_what_came(
    provider: ConnectedAccountProvider, sim: SimulatorClient, account: str
) -> None:
    await sim.fault(account=account, action="throttle")
    profile = (await view(provider, account=account)).profile
    assert profile is not None
    assert (profile.first_name, profile.company, profile.title) == ("Ada", "", "")


async def test_a_member_without_a_name_keeps_the_rest(
    provider: ConnectedAccountProvider, sim: SimulatorClient, account: str
) -> None:
    await sim.fault(account=account, action="null_names")
    profile = (await view(provider, account=account)).profile
    assert profile is not None
    assert (profile.first_name, profile.last_name, profile.headline) == ("", "", "")
    assert profile.connection_degree is ConnectionDegree.OUT_OF_NETWORK
    assert profile.public_identifier == "ada-lovelace"


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [("90", 90_000), ("Fri, 15 Jan 2027 08:01:00 GMT", 60_000), ("soon", None), (None, None)],
)
async def test_retry_after_in_seconds_or_as_a_date(
    provider: ConnectedAccountProvider,
    sim: SimulatorClient,
    account: str,
    header: str | None,
    wait_ms: int | None,
) -> None:
    fields = {} if header is None else {"retry_after": header}
    await sim.fault(account=account, action="error", type="too_many_requests", **fields)
    assert (await view(provider, account=account)).retry_after_ms == wait_ms


async def test_a_type_that_nobody_has_listed_is_kept_for_the_log(
    provider: ConnectedAccountProvider, sim: SimulatorClient, account: str
) -> None:
    await sim.fault(account=account, action="error", type="new_thing", status=418)
    result = await view(provider, account=account)
    assert (result.status, result.error_type) == (418, "new_thing")
    assert not classify(finding=result.finding, status=418, error_type="new_thing").listed


async def test_a_wrong_key_stops_everything(simulator: SimulatorProcess, account: str) -> None:
    async with open_provider(simulator.url, api_key="wrong") as provider:
        result = await view(provider, account=account)
    outcome = classify(finding=result.finding, status=result.status, error_type=result.error_type)
    assert (outcome.kind, outcome.charged) == (OutcomeKind.STOP_ALL, False)


async def test_an_account_that_lost_its_session(
    provider: ConnectedAccountProvider, sim: SimulatorClient, account: str
) -> None:
    await sim.call("POST", "/_sim/accounts", json=[{"id": account, "status": "CREDENTIALS"}])
    result = await view(provider, account=account)
    outcome = classify(finding=result.finding, status=result.status, error_type=result.error_type)
    assert outcome.pause_reason is PauseReason.ACCOUNT_DISCONNECTED


async def test_nobody_there_is_not_charged(unused_tcp_port: int, account: str) -> None:
    async with open_provider(f"http://127.0.0.1:{unused_tcp_port}") as provider:
        result = await view(provider, account=account)
    assert result == ViewResult(finding=Finding.CONNECTION_REFUSED)
    outcome = classify(finding=result.finding)
    assert (outcome.charged, outcome.counts_for_breaker) == (False, True)


async def test_accounts_are_viewed_side_by_side(
    simulator: SimulatorProcess, sim: SimulatorClient, account: str
) -> None:
    """One account that hangs keeps no other waiting as long as there is a connection each."""
    await sim.fault(account=account, action="hang")
    async with open_provider(simulator.url, connections=40) as provider:
        hanging = [
            asyncio.create_task(view(provider, account=account, deadline=5)) for _ in range(39)
        ]
        result = await view(provider, account=f"{account} other", deadline=4)
        assert result.finding is Finding.COMPLETE
        for task in hanging:
            task.cancel()
        ended = await asyncio.gather(*hanging, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended)


async def test_no_id_of_a_person_is_logged(
    provider: ConnectedAccountProvider,
    sim: SimulatorClient,
    account: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        for action in ("delay", "error", "reset", "another_member"):
            await sim.call("DELETE", "/_sim/faults")
            await sim.fault(account=account, action=action, type="unexpected_error")
            await view(provider, account=account)
    assert "lovelace" not in json.dumps([record.getMessage() for record in caplog.records])
