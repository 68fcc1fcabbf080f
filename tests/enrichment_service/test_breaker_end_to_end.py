"""The circuit breaker of an account, and the provider's key that concerns all accounts."""

from enrichment_service.model import PauseReason
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.enrichment_service.outcome_stack import DAY, HOUR, MINUTE, OutcomeStack, until, working
from tests.support.simulator_client import SimulatorClient

_HALT_MS = 600
_CROWD = [f"person-{number}" for number in range(20)]


async def open_breaker(stack: OutcomeStack) -> None:
    """Ten counted errors in a day, with all of the crowd still waiting."""
    await stack.fault("error", type="service_unavailable")
    await stack.submit(*_CROWD)
    await stack.quiet()


async def reconnect(stack: OutcomeStack) -> None:
    """What the caller's ReconnectAccount does, and the tick after it."""
    await stack.accounts.set_connection(stack.id, connected=True)
    stack.engine.wake()
    await stack.quiet()
    await stack.advance(3 * MINUTE)


async def test_ten_counted_errors_open_it_until_a_person_reconnects(stack: OutcomeStack) -> None:
    await open_breaker(stack)
    await stack.check_pause(PauseReason.CIRCUIT_OPEN)
    assert (await stack.account()).counted_errors == 10
    await stack.check_books(charged=10)
    assert (await stack.progress()).pending == 20
    assert await stack.due_ms() is None
    await stack.lift_faults()
    await stack.advance(2 * DAY)
    assert len(await stack.requests()) == 10
    await stack.check_pause_reason(PauseReason.CIRCUIT_OPEN)


async def test_errors_that_are_not_counted_leave_it_closed(stack: OutcomeStack) -> None:
    await stack.fault("error", type="resource_not_found")
    await stack.submit(*_CROWD)
    await stack.quiet()
    await stack.advance(3 * MINUTE)
    await stack.check_pause(None)
    assert (await stack.account()).counted_errors == 0
    assert (await stack.progress()).failed == 20
    await stack.check_books(charged=20)


async def test_the_count_begins_anew_with_the_utc_day(stack: OutcomeStack) -> None:
    stack.clock.advance_by(14 * HOUR + 45 * MINUTE)
    await stack.fault("error", type="service_unavailable")
    await stack.submit(*_CROWD[:9])
    await stack.quiet()
    assert (await stack.account()).counted_errors == 9
    await stack.advance(15 * MINUTE)
    assert (await stack.account()).counted_errors in (0, 9)
    await stack.advance(15 * MINUTE)
    assert (await stack.account()).counted_errors == 9
    assert len(await stack.requests()) == 18
    await stack.check_pause(None)


async def test_one_more_error_of_the_probe_opens_it_again(stack: OutcomeStack) -> None:
    await open_breaker(stack)
    await reconnect(stack)
    assert len(await stack.requests()) == 11
    await stack.check_books(charged=11)
    await stack.check_pause_reason(PauseReason.CIRCUIT_OPEN)
    await reconnect(stack)
    assert len(await stack.requests()) == 12


async def test_a_probe_that_succeeds_lets_the_rest_follow(stack: OutcomeStack) -> None:
    await open_breaker(stack)
    await stack.lift_faults()
    # The second view after reconnecting fails: by then the breaker counts from zero again.
    await stack.fault("error", type="service_unavailable", match_every=2, match_times=1)
    await reconnect(stack)
    requests = await stack.requests()
    assert [request["status"] for request in requests[10:12]] == [200, 503]
    assert len(requests) > 12
    await stack.check_pause(None)
    assert (await stack.account()).counted_errors == 1
    while (wait := await stack.due_ms()) is not None:
        await stack.advance(wait)
    assert (await stack.progress()).enriched == 20
    await stack.check_books(charged=31)


async def test_a_probe_that_meets_a_missing_person_has_succeeded(stack: OutcomeStack) -> None:
    # Provider and LinkedIn answered as they should.
    await open_breaker(stack)
    await stack.lift_faults()
    await stack.fault("error", type="resource_not_found", match_times=1)
    await stack.fault("error", type="service_unavailable")
    await reconnect(stack)
    statuses = [request["status"] for request in await stack.requests()]
    assert statuses[10:] == [404] + [503] * 9
    await stack.check_pause(None)
    assert (await stack.account()).counted_errors == 9


async def test_disconnecting_in_between_does_not_close_it(stack: OutcomeStack) -> None:
    await open_breaker(stack)
    await stack.accounts.set_connection(stack.id, connected=False)
    await stack.check_pause(PauseReason.ACCOUNT_DISCONNECTED)
    await reconnect(stack)
    assert len(await stack.requests()) == 11


async def test_disconnecting_does_not_shorten_the_providers_limit(stack: OutcomeStack) -> None:
    await stack.fault("error", type="too_many_requests", retry_after="7200", match_times=1)
    await stack.submit("ada-lovelace")
    await stack.quiet()
    await stack.accounts.set_connection(stack.id, connected=False)
    await stack.check_pause(PauseReason.ACCOUNT_DISCONNECTED)
    await stack.advance(HOUR)
    await stack.accounts.set_connection(stack.id, connected=True)
    await stack.check_pause(PauseReason.PROVIDER_LIMIT, for_ms=HOUR)
    await stack.advance(HOUR - 1)
    assert len(await stack.requests()) == 1
    await stack.advance(1)
    assert (await stack.progress()).enriched == 1


async def test_a_bad_key_stops_all_fetching_blames_nobody_and_recovers(
    store: Store, clock: SteppedClock, linkedin_client: SimulatorClient, provider_id: str
) -> None:
    async with working(
        store=store,
        clock=clock,
        sim=linkedin_client,
        provider_id=provider_id,
        halt_seconds=_HALT_MS / 1000,
    ) as stack:
        await check_bad_key(stack)


async def check_bad_key(stack: OutcomeStack) -> None:
    """The key is refused to one account while another is in the middle of its tick."""
    other_id = f"{stack.provider_id}-other"
    other = await stack.connect(other_id)
    await stack.create("acme/other", account=other)
    await stack.sim.fault(account=other_id, action="delay", delay_ms=150, match_times=1)
    await stack.submit("alan-turing", "edsger-dijkstra", "donald-knuth", enrichment="acme/other")

    async def other_at_work() -> bool:
        return len(await stack.requests(other_id)) == 1

    await until(other_at_work, "the other account views")
    await stack.fault("error", type="missing_credentials", match_times=1)
    profiles = await stack.submit("ada-lovelace", "grace-hopper")

    async def refused() -> bool:
        return len(await stack.requests()) == 1

    await until(refused, "the key is refused")
    await stack.quiet()
    await stack.check_pause(None)
    await stack.check_books(charged=0)
    assert (await stack.account()).counted_errors == 0
    assert (await stack.progress()).pending == 2
    assert await stack.cached(profiles) == [{}, {}]
    # Both have something due again three minutes later, but nothing goes out before the halt ends.
    await stack.advance(3 * MINUTE)
    assert (await stack.progress()).enriched == 2
    await stack.check_books(charged=2)
    assert (await stack.accounts.get(other)).pause is None

    refused_ms = (await stack.requests())[0]["real_ms"]
    first, *rest = sorted(
        [*(await stack.requests())[1:], *(await stack.requests(other_id))[1:]],
        key=lambda request: int(request["real_ms"]),
    )
    assert len(rest) == 3
    assert first["real_ms"] >= refused_ms + _HALT_MS - 5
