"""What the provider answers for good, from the wire to the books: profile, account, budget."""

import pytest

from enrichment_service.model import PauseReason
from enrichment_service.policy.pacing import midnight_spread_ms
from tests.enrichment_service.outcome_stack import DAY, HOUR, MINUTE, SECOND, OutcomeStack
from tests.enrichment_service.test_outcomes import ROWS

_TO_MIDNIGHT = 15 * HOUR


def rows(*kinds: str) -> list[list[str]]:
    """The rows of these kinds."""
    return [row for row in ROWS if row[2] in kinds]


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
