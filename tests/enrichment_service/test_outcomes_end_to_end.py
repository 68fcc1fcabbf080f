"""Every answer of the provider, from the wire to the books: profile, account, budget, breaker."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from enrichment_service.model import FailureReason, PauseReason
from enrichment_service.policy.pacing import midnight_spread_ms
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.enrichment_service.outcome_stack import DAY, HOUR, MINUTE, SECOND, OutcomeStack, working
from tests.enrichment_service.test_outcomes import ROWS
from tests.linkedin_simulator.simulator_client import SimulatorClient

_FIRST_RETRY = 10 * MINUTE
_TO_MIDNIGHT = 15 * HOUR


def rows(*kinds: str) -> list[list[str]]:
    """The rows of these kinds."""
    return [row for row in ROWS if row[2] in kinds]


@pytest.fixture
async def hasty(
    store: Store, clock: SteppedClock, linkedin_client: SimulatorClient, provider_id: str
) -> AsyncIterator[OutcomeStack]:
    """As `stack`, but it waits for a view no longer than a fraction of a second."""
    async with working(
        store=store,
        clock=clock,
        sim=linkedin_client,
        provider_id=provider_id,
        deadline_seconds=0.3,
    ) as hasty:
        yield hasty


async def test_enriched(stack: OutcomeStack) -> None:
    profiles = await stack.submit("ada-lovelace")
    await stack.quiet()
    (known,) = await stack.cached(profiles)
    assert known["viewed"]
    assert {"first_name", "last_name", "company", "title"} <= known.keys()
    progress = await stack.progress()
    assert (progress.enriched, progress.pending) == (1, 0)
    assert (await stack.account()).counted_errors == 0
    await stack.check_pause(None)
    await stack.check_books(charged=1)
    assert await stack.due_ms() is None


@pytest.mark.parametrize(("status", "error", "kind", "reason", "charged", "breaker"), rows("PAUSE"))
async def test_the_account_pauses_and_the_profile_stays_queued(
    stack: OutcomeStack,
    status: str,
    error: str,
    kind: str,
    reason: str,
    charged: str,
    breaker: str,
) -> None:
    await stack.fault("error", type=error, match_times=1)
    profiles = await stack.submit("ada-lovelace", "grace-hopper")
    await stack.quiet()

    if error == "too_many_requests":
        for_ms: int | None = HOUR
    elif error in ("limit_exceeded", "cannot_resend_yet"):
        for_ms = _TO_MIDNIGHT + midnight_spread_ms(stack.id)
    else:
        for_ms = None
    await stack.check_pause(PauseReason(reason), for_ms=for_ms)
    assert [request["status"] for request in await stack.requests()] == [int(status)]
    await stack.check_books(charged=1 if charged == "yes" else 0)
    assert (await stack.account()).counted_errors == 0
    progress = await stack.progress()
    assert (progress.pending, progress.failed) == (2, 0)
    assert await stack.cached(profiles) == [{}, {}]
    assert await stack.due_ms() == for_ms

    if for_ms is None:
        # By itself it never resumes.
        await stack.advance(3 * DAY)
        assert len(await stack.requests()) == 1
        await stack.accounts.set_connection(stack.id, connected=True)
        stack.engine.wake()
    else:
        await stack.advance(for_ms - 1)
        assert len(await stack.requests()) == 1
        stack.clock.advance_by(1)
        stack.engine.wake()
    await stack.quiet()
    await stack.check_pause(None)
    # The one that met the error goes first again.
    asked = [request["identifier"] for request in await stack.requests()]
    assert asked == ["ada-lovelace", "ada-lovelace", "grace-hopper"]
    assert (await stack.progress()).enriched == 2
    kinds = [event["t"] for event in await stack.events("ACCOUNT_PAUSED", "ACCOUNT_RESUMED")]
    assert kinds == ["ACCOUNT_PAUSED", "ACCOUNT_RESUMED"]


@pytest.mark.parametrize(
    ("status", "error", "kind", "reason", "charged", "breaker"), rows("PROFILE_FAILED")
)
async def test_this_profile_failed_for_good(
    stack: OutcomeStack,
    status: str,
    error: str,
    kind: str,
    reason: str,
    charged: str,
    breaker: str,
) -> None:
    await stack.fault("error", type=error, match_times=1)
    profiles = await stack.submit("ada-lovelace", "grace-hopper")
    await stack.quiet()
    progress = await stack.progress()
    assert (progress.failed, progress.enriched, progress.pending) == (1, 1, 0)
    (event,) = await stack.events("PROFILE_FAILED")
    assert (event["p"], event["f"]) == (profiles[0], reason)
    assert [request["status"] for request in await stack.requests()] == [int(status), 200]
    await stack.check_books(charged=2)
    await stack.check_pause(None)
    assert (await stack.account()).counted_errors == 0
    assert await stack.due_ms() is None


@pytest.mark.parametrize(("status", "error", "kind", "reason", "charged", "breaker"), rows("RETRY"))
async def test_a_transient_error_is_charged_counted_and_tried_again(
    stack: OutcomeStack,
    status: str,
    error: str,
    kind: str,
    reason: str,
    charged: str,
    breaker: str,
) -> None:
    await stack.fault("error", type=error, match_times=1)
    await check_tried_again(stack, status=int(status))


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("another_member", 200),
        ("not_a_profile", 200),
        ("broken_json", 200),
        ("huge_body", 200),
        ("bad_gateway_html", 502),
        ("redirect", 302),
        ("reset", None),
    ],
)
async def test_an_answer_that_cannot_be_taken_is_charged_counted_and_tried_again(
    stack: OutcomeStack, action: str, status: int | None
) -> None:
    await stack.fault(action, match_times=1)
    await check_tried_again(stack, status=status)


@pytest.mark.parametrize(
    ("action", "fields", "status"),
    [("hang", {}, None), ("drip", {"interval_ms": 20}, 200), ("delay", {"delay_ms": 60_000}, 200)],
)
async def test_no_whole_answer_before_the_total_deadline(
    hasty: OutcomeStack, action: str, fields: dict[str, object], status: int | None
) -> None:
    await hasty.fault(action, match_times=1, **fields)
    await check_tried_again(hasty, status=status)


async def check_tried_again(stack: OutcomeStack, *, status: int | None) -> None:
    """The first view met what breaks; the second is made after the backoff and succeeds."""
    profiles = await stack.submit("ada-lovelace")
    await stack.quiet()
    assert [request["status"] for request in await stack.requests()] == [status]
    await stack.check_books(charged=1)
    assert (await stack.account()).counted_errors == 1
    await stack.check_pause(None)
    progress = await stack.progress()
    assert (progress.pending, progress.failed) == (1, 0)
    assert await stack.cached(profiles) == [{}]
    assert await stack.events("PROFILE_ENRICHED", "PROFILE_PARTIAL", "PROFILE_FAILED") == []
    assert await stack.due_ms() == _FIRST_RETRY

    await stack.advance(_FIRST_RETRY - 1)
    assert len(await stack.requests()) == 1
    await stack.advance(1)
    assert (await stack.progress()).enriched == 1
    (known,) = await stack.cached(profiles)
    assert known["public_identifier"] == "ada-lovelace"
    await stack.check_books(charged=2)
    assert (await stack.account()).counted_errors == 1


async def test_an_unknown_error_is_transient_and_logged_with_its_type(stack: OutcomeStack) -> None:
    await stack.fault("error", type="brand_new_error", status=418, match_times=1)
    with capture_logs() as lines:
        await check_tried_again(stack, status=418)
    (line,) = [line for line in lines if line["event"] == "unlisted_answer"]
    assert (line["status"], line["error_type"]) == (418, "brand_new_error")
    assert "ada" not in str(line)


async def test_a_known_type_under_another_status_is_not_trusted(stack: OutcomeStack) -> None:
    await stack.fault("error", type="missing_credentials", status=503, match_times=1)
    await check_tried_again(stack, status=503)


async def test_a_refused_connection_costs_no_view(
    store: Store,
    clock: SteppedClock,
    linkedin_client: SimulatorClient,
    provider_id: str,
    unused_tcp_port: int,
) -> None:
    async with working(
        store=store,
        clock=clock,
        sim=linkedin_client,
        provider_id=provider_id,
        url=f"http://127.0.0.1:{unused_tcp_port}",
    ) as stack:
        await stack.submit("ada-lovelace")
        await stack.quiet()
        await stack.check_books(charged=0)
        assert (await stack.account()).counted_errors == 1
        assert (await stack.progress()).pending == 1
        await stack.advance(_FIRST_RETRY)
        assert (await stack.account()).counted_errors == 2
        await stack.check_books(charged=0)


async def test_five_attempts_with_growing_waits_then_failed(stack: OutcomeStack) -> None:
    await stack.fault("error", type="provider_error")
    await stack.submit("ada-lovelace")
    await stack.quiet()
    waits = []
    while (wait := await stack.due_ms()) is not None:
        waits.append(wait)
        await stack.advance(wait)
    assert waits == [10 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR]
    (event,) = await stack.events("PROFILE_FAILED")
    assert event["f"] == FailureReason.ATTEMPTS_EXHAUSTED
    assert (await stack.progress()).failed == 1
    assert (await stack.account()).counted_errors == 5
    await stack.check_books(charged=5)


async def test_a_pause_takes_no_attempt_from_the_profile(stack: OutcomeStack) -> None:
    await stack.fault("error", type="too_many_requests", retry_after="60", match_times=3)
    await stack.fault("error", type="provider_error")
    await stack.submit("ada-lovelace")
    await stack.quiet()
    while (wait := await stack.due_ms()) is not None:
        await stack.advance(wait)
    statuses = [request["status"] for request in await stack.requests()]
    assert statuses == [429] * 3 + [500] * 5
    assert (await stack.progress()).failed == 1
    await stack.check_books(charged=8)


# Monday 2026-01-05, 09:00 UTC is when these tests begin.
@pytest.mark.parametrize(
    ("header", "for_ms"),
    [
        ("120", 3 * MINUTE),
        ("600", 600 * SECOND),
        ("86400", DAY),
        ("86401", DAY),
        ("99999999999999999999999999999999", DAY),
        ("Mon, 05 Jan 2026 11:00:00 GMT", 2 * HOUR),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        # What does not say how long to wait is as if it were not there.
        (None, HOUR),
        ("", HOUR),
        ("0", HOUR),
        ("-5", HOUR),
        ("1e9", HOUR),
        ("soon", HOUR),
        ("Mon, 05 Jan 2026 08:00:00 GMT", HOUR),
        ("Mon, 99 Jan 99999 99:99:99 GMT", HOUR),
    ],
)
async def test_too_many_requests(stack: OutcomeStack, header: str | None, for_ms: int) -> None:
    fields = {} if header is None else {"retry_after": header}
    await stack.fault("error", type="too_many_requests", match_times=1, **fields)
    await stack.submit("ada-lovelace")
    await stack.quiet()
    asked_ms = 2 * MINUTE if header == "120" else for_ms
    await stack.check_pause(PauseReason.PROVIDER_LIMIT, for_ms=asked_ms)
    await stack.check_books(charged=1)
    # Never before its next tick, either.
    assert await stack.due_ms() == for_ms
    await stack.advance(for_ms - 1)
    assert len(await stack.requests()) == 1
    await stack.advance(1)
    await stack.check_pause(None)
    assert (await stack.progress()).enriched == 1
