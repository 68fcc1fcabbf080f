"""RetryFailedProfiles: what failed is tried again from the start, in a few bounded steps."""

from collections.abc import AsyncIterator

import pytest
import redis
from enrichment.v1 import enrichments_pb2 as pb

from enrichment_service.enrichments import Enrichments, Submission
from enrichment_service.store.store import Store
from tests.enrichment_service.enrichment_calls import EnrichmentCalls, calling, counts
from tests.enrichment_service.outcome_stack import (
    HOUR,
    MINUTE,
    PERSON_KEYS,
    WORKSPACE,
    OutcomeStack,
)
from tests.support.enrichment_store import View, Workspace
from tests.support.key_leaks import text
from tests.support.valkey import Valkey


@pytest.fixture
async def calls(stack: OutcomeStack) -> AsyncIterator[EnrichmentCalls]:
    async with calling(stack) as calls:
        yield calls


async def fail(stack: OutcomeStack, calls: EnrichmentCalls, *people: str) -> list[str]:
    """People whom nobody finds; the names of their profiles."""
    await stack.fault("error", type="resource_not_found")
    submitted = await calls.submit(*people)
    await stack.quiet()
    await stack.lift_faults()
    return [each.profile for each in submitted]


async def test_what_failed_is_viewed_again(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    profiles = await fail(stack, calls, "ada-lovelace", "grace-hopper", "mary-somerville")
    failed = await calls.get()
    assert failed.state == pb.ENRICHMENT_STATE_IDLE
    assert counts(failed.progress) == {"total": 3, "failed": 3}
    retried = await calls.retry()
    assert retried.state == pb.ENRICHMENT_STATE_ACTIVE
    assert counts(retried.progress) == {"total": 3, "pending": 3}
    assert counts((await calls.retry()).progress) == {"total": 3, "pending": 3}
    await stack.advance(3 * MINUTE)
    assert counts((await calls.get()).progress) == {"total": 3, "enriched": 3}
    # Six views: none for the repeat.
    assert len(await stack.requests()) == 6
    assert {(await calls.explain(profile)).attempts for profile in profiles} == {1}


async def test_attempts_begin_anew(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await stack.fault("error", type="service_unavailable")
    (profile,) = await calls.submit("ada-lovelace")
    await stack.quiet()
    while (wait := await stack.due_ms()) is not None:
        await stack.advance(wait)
    explained = await calls.explain(profile.profile)
    assert (explained.profile_state, explained.attempts) == (pb.PROFILE_STATE_FAILED, 5)
    await calls.retry()
    await stack.advance(3 * MINUTE)
    explained = await calls.explain(profile.profile)
    assert (explained.profile_state, explained.attempts) == (pb.PROFILE_STATE_PENDING, 1)


async def test_all_else_is_left_alone(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await fail(stack, calls, "ada-lovelace")
    await calls.submit("grace-hopper")
    await stack.advance(3 * MINUTE)
    assert counts((await calls.retry()).progress) == {"total": 2, "enriched": 1, "pending": 1}


async def test_nothing_to_do(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    before = await calls.get()
    assert await calls.retry() == before
    await stack.advance(HOUR)
    assert await stack.requests() == []


async def test_it_goes_by_bounded_steps(store: Store, empty_valkey: Valkey) -> None:
    with redis.Redis.from_url(empty_valkey.url) as client:
        workspace = Workspace(store, client, WORKSPACE)
        await workspace.connect(strategy="VETERAN")
        await workspace.create()
        enrichments = Enrichments(store, keys=PERSON_KEYS)
        people = [Submission(identifiers=(f"person-{i}",), reference=str(i)) for i in range(500)]
        profiles = [each.profile for each in await enrichments.submit(workspace.of("e"), people)]
        # The first and the last bucket have one that failed each.
        ordered = sorted(profiles)
        await enrichments.withdraw(workspace.of("e"), ordered[1:-1])
        lease = await workspace.claim()
        assert lease is not None
        for _ in range(2):
            # Much is passed over on the way to the last one.
            while (view := await workspace.begin(lease)) == "AGAIN":
                pass
            assert isinstance(view, View)
            await workspace.finish(lease, view, outcome="FAILED", failure="NOT_FOUND")
        await workspace.end(lease)
        assert await workspace.progress() == {"total": 2, "failed": 2, "withdrawn": 498}

        first = await workspace.call("retry_failed", enrichment=workspace.of("e"), after="")
        assert first["queued"] == 1
        assert first["after"] < ordered[-1][:7]
        await enrichments.retry_failed(workspace.of("e"))
        assert await workspace.progress() == {"total": 2, "pending": 2, "withdrawn": 498}
        queue = client.lrange(f"{workspace.tag}queue:{workspace.of('e')}", -2, -1)
        assert {text(profile) for profile in queue} == {ordered[0], ordered[-1]}


async def test_who_has_been_forgotten_stays_failed(
    stack: OutcomeStack, calls: EnrichmentCalls, empty_valkey: Valkey
) -> None:
    (profile, _) = await fail(stack, calls, "ada-lovelace", "grace-hopper")
    with redis.Redis.from_url(empty_valkey.url) as client:
        (key,) = client.scan_iter(f"*:profile:{WORKSPACE}/{profile.rpartition('/')[2]}")
        # As its TTL does.
        client.delete(key)
        retried = await calls.retry()
        assert counts(retried.progress) == {"total": 2, "failed": 1, "pending": 1}
        assert not client.exists(key)
