"""Views that break and are made again, from the wire to the books: waits, attempts, charges."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from enrichment_service.model import FailureReason
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.enrichment_service.outcome_stack import HOUR, MINUTE, OutcomeStack, working
from tests.enrichment_service.test_outcomes import ROWS
from tests.support.simulator_client import SimulatorClient

_FIRST_RETRY = 10 * MINUTE
_TRANSIENT = [row[:2] for row in ROWS if row[2] == "RETRY"]


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


@pytest.mark.parametrize(("status", "error"), _TRANSIENT)
async def test_a_transient_error_is_charged_counted_and_tried_again(
    stack: OutcomeStack, status: str, error: str
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
