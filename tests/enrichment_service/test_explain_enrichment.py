"""ExplainEnrichment: what is waited for, since when, until when or for whom."""

from collections.abc import AsyncIterator

import grpc
import pytest
from enrichment.v1 import enrichments_pb2 as pb
from enrichment.v1 import pauses_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.conftest import START_MS
from tests.enrichment_service.enrichment_calls import (
    PARENT,
    EnrichmentCalls,
    calling,
    reason_of,
)
from tests.enrichment_service.outcome_stack import HOUR, MINUTE, SECOND, OutcomeStack, until

PEOPLE = [f"lead-number-{number}" for number in range(20)]


@pytest.fixture
async def calls(stack: OutcomeStack) -> AsyncIterator[EnrichmentCalls]:
    async with calling(stack) as calls:
        yield calls


def after_start(time: Timestamp) -> int:
    """Milliseconds after the start of the test's clock."""
    return time.ToMilliseconds() - START_MS


def given(explained: pb.ExplainEnrichmentResponse) -> set[str]:
    """The names of what is there."""
    return {field.name for field, _ in explained.ListFields()}


async def test_nothing_is_waited_for(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    assert given(await calls.explain()) == set()
    await stack.enrichments.set_paused("acme/leads", paused=True)
    (profile,) = await calls.submit("ada-lovelace")
    stack.clock.advance_by(MINUTE)
    await stack.enrichments.set_paused("acme/leads", paused=False)
    await stack.quiet()
    assert given(await calls.explain()) == set()
    explained = await calls.explain(profile.profile)
    assert given(explained) == {"profile_state", "attempts", "since_time"}
    assert (explained.profile_state, explained.attempts) == (pb.PROFILE_STATE_ENRICHED, 1)
    assert after_start(explained.since_time) == MINUTE


async def test_a_turn(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    stack.clock.advance_by(MINUTE)
    submitted = await calls.submit(*PEOPLE)
    await stack.quiet()
    stack.clock.advance_by(SECOND)
    for explained in (await calls.explain(), await calls.explain(submitted[-1].profile)):
        assert explained.wait_reason == pb.WAIT_REASON_TURN
        assert after_start(explained.since_time) == MINUTE
        assert after_start(explained.next_tick_time) == 4 * MINUTE
        assert not given(explained) & {"pause", "until_time", "retry_time"}
    assert explained.profile_state == pb.PROFILE_STATE_PENDING


async def test_another_try(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await stack.fault("error", type="service_unavailable")
    (profile,) = await calls.submit("ada-lovelace")
    await stack.quiet()
    stack.clock.advance_by(MINUTE)
    for explained in (await calls.explain(), await calls.explain(profile.profile)):
        assert explained.wait_reason == pb.WAIT_REASON_RETRY
        assert after_start(explained.since_time) == 0
        assert after_start(explained.until_time) == 10 * MINUTE
        assert after_start(explained.next_tick_time) == 10 * MINUTE
    assert explained.attempts == 1
    assert after_start(explained.retry_time) == 10 * MINUTE


async def test_a_person(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await stack.fault("error", type="checkpoint_error")
    (profile,) = await calls.submit("ada-lovelace")
    await stack.quiet()
    stack.clock.advance_by(HOUR)
    for explained in (await calls.explain(), await calls.explain(profile.profile)):
        assert explained.wait_reason == pb.WAIT_REASON_PAUSE
        assert explained.pause.reason == pauses_pb2.PAUSE_REASON_CHECKPOINT
        assert explained.pause.waits_for_person
        assert after_start(explained.since_time) == 0
        assert not given(explained) & {"until_time", "next_tick_time"}
    assert explained.attempts == 0


async def test_a_pause_that_ends_by_itself(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await stack.fault("error", type="too_many_requests", retry_after="1800")
    (profile,) = await calls.submit("ada-lovelace")
    await stack.quiet()
    for explained in (await calls.explain(), await calls.explain(profile.profile)):
        assert explained.wait_reason == pb.WAIT_REASON_PAUSE
        assert explained.pause.reason == pauses_pb2.PAUSE_REASON_PROVIDER_LIMIT
        assert after_start(explained.until_time) == HOUR / 2
        assert after_start(explained.next_tick_time) == HOUR / 2


async def test_the_caller(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await stack.enrichments.set_paused("acme/leads", paused=True)
    (profile,) = await calls.submit("ada-lovelace")
    for explained in (await calls.explain(), await calls.explain(profile.profile)):
        assert explained.wait_reason == pb.WAIT_REASON_PAUSE
        assert explained.pause.reason == pauses_pb2.PAUSE_REASON_PAUSED_BY_CALLER
        assert explained.pause.waits_for_person


async def test_of_two_waits_the_longer_one(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await stack.fault("error", type="service_unavailable", match_times=1)
    (first,) = await calls.submit("ada-lovelace")
    await stack.quiet()
    await stack.fault("error", type="too_many_requests", retry_after="300")
    stack.clock.advance_by(2 * MINUTE)
    await calls.submit("grace-hopper")
    await stack.advance(MINUTE)
    # The account pauses until 8 minutes, the first profile waits until 10.
    assert (await calls.explain()).wait_reason == pb.WAIT_REASON_PAUSE
    explained = await calls.explain(first.profile)
    assert explained.wait_reason == pb.WAIT_REASON_RETRY
    assert after_start(explained.pause.until_time) == 8 * MINUTE
    assert after_start(explained.until_time) == 10 * MINUTE


async def test_a_view_under_way(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await stack.fault("delay", delay_ms=2000)
    (profile,) = await calls.submit("ada-lovelace")

    async def is_viewed() -> bool:
        return (await calls.explain()).wait_reason == pb.WAIT_REASON_VIEW

    await until(is_viewed, "the view began")
    explained = await calls.explain(profile.profile)
    assert explained.wait_reason == pb.WAIT_REASON_VIEW
    assert (explained.profile_state, explained.attempts) == (pb.PROFILE_STATE_PENDING, 1)
    assert after_start(explained.since_time) == 0
    await stack.quiet()


async def test_a_profile_that_is_not_in_it(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    for profile, code, reason in (
        (f"{PARENT}/profiles/abcdefgh12345", grpc.StatusCode.NOT_FOUND, "PROFILE_NOT_FOUND"),
        ("workspaces/other/profiles/abcdefgh12345", grpc.StatusCode.INVALID_ARGUMENT, ""),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await calls.explain(profile)
        assert caught.value.code() is code
        assert reason in reason_of(caught.value)
