"""CancelEnrichment: at once for any size, for good, and tidied up behind it."""

from collections.abc import AsyncIterator

import grpc
import pytest
import redis
from enrichment.v1 import enrichments_pb2 as pb

from enrichment_service.enrichments import Enrichments, Submission
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from servicekit.errors import ServiceError
from tests.enrichment_service.enrichment_calls import (
    PARENT,
    EnrichmentCalls,
    calling,
    counts,
    reason_of,
)
from tests.enrichment_service.outcome_stack import HOUR, MINUTE, PERSON_KEYS, OutcomeStack, until
from tests.support.enrichment_store import Workspace
from tests.support.key_leaks import leaked_keys, text
from tests.support.valkey import Valkey

PEOPLE = [f"lead-number-{number}" for number in range(40)]


@pytest.fixture
async def calls(stack: OutcomeStack) -> AsyncIterator[EnrichmentCalls]:
    async with calling(stack) as calls:
        yield calls


@pytest.fixture
def client(empty_valkey: Valkey) -> "redis.Redis":
    return redis.Redis.from_url(empty_valkey.url)


@pytest.fixture
async def workspace(store: Store, client: "redis.Redis") -> Workspace:
    """Account a with enrichment e; no engine works it."""
    workspace = Workspace(store, client)
    await workspace.connect(strategy="VETERAN")
    await workspace.create()
    return workspace


async def sweep(workspace: Workspace) -> None:
    more = True
    while more:
        try:
            more = (await workspace.call("sweep_cancelled"))["more"]
        except ServiceError as error:
            # The connection from before the crash; the engine repeats it in its next round.
            if not error.reason.startswith("STORE_"):
                raise


def states(workspace: Workspace, client: "redis.Redis") -> str:
    """The letters of all states of e, sorted."""
    keys = client.scan_iter(f"{workspace.tag}states:*")
    return "".join(sorted(text(v)[0] for key in keys for v in client.hgetall(key).values()))


def have_an_end(client: "redis.Redis") -> bool:
    """Whether the records of people expire, now that nobody waits for them."""
    keys = list(client.scan_iter("*:profile:*", count=1000))
    assert keys
    return all(client.ttl(key) > 0 for key in keys)


async def test_everything_pending_is_withdrawn_at_once(
    stack: OutcomeStack, calls: EnrichmentCalls
) -> None:
    await calls.submit(*PEOPLE)
    await stack.quiet()
    assert counts((await calls.get()).progress) == {"total": 40, "pending": 25, "enriched": 15}

    cancelled = await calls.cancel()
    assert cancelled.state == pb.ENRICHMENT_STATE_CANCELLED
    assert counts(cancelled.progress) == {"total": 15, "enriched": 15, "withdrawn": 25}
    assert not cancelled.HasField("pause")
    assert not cancelled.HasField("forecast")
    await stack.advance(HOUR)
    assert len(await stack.requests()) == 15
    assert await calls.get() == cancelled


async def test_one_event_tells_of_all(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await calls.submit(*PEOPLE)
    await stack.quiet()
    before = len(await stack.events())
    cancelled = await calls.cancel()
    assert await calls.cancel() == cancelled
    (event,) = (await stack.events())[before:]
    assert event["t"] == "ENRICHMENT_CANCELLED"
    assert (event["progress"]["withdrawn"], event["progress"]["pending"]) == (25, 0)


async def test_nothing_is_taken_in_afterwards(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await calls.submit("ada-lovelace")
    await calls.cancel()
    for late in (calls.submit("grace-hopper"), calls.retry()):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await late
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert reason_of(caught.value) == "ENRICHMENT_CANCELLED"


async def test_a_pause_ends_with_it(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await stack.enrichments.set_paused("acme/leads", paused=True)
    await calls.submit("ada-lovelace")
    assert not (await calls.cancel()).HasField("pause")


async def test_the_account_can_go_and_the_enrichment_stays_readable(
    stack: OutcomeStack, calls: EnrichmentCalls
) -> None:
    (profile,) = await calls.submit("ada-lovelace")
    await stack.quiet()
    cancelled = await calls.cancel()
    await stack.accounts.delete(stack.id, revision=None)
    assert await calls.get() == cancelled
    page = await calls.stub.ListEnrichments(pb.ListEnrichmentsRequest(parent=PARENT))
    assert list(page.enrichments) == [cancelled]
    explained = await calls.explain(profile.profile)
    assert explained.profile_state == pb.PROFILE_STATE_ENRICHED


async def test_the_engine_tidies_up(
    stack: OutcomeStack, calls: EnrichmentCalls, client: "redis.Redis"
) -> None:
    await calls.submit(*PEOPLE)
    await stack.quiet()
    await calls.cancel()

    async def is_tidy() -> bool:
        return not list(client.scan_iter("*:sweeps"))

    await until(is_tidy, "the sweep is done")
    await stack.quiet()
    assert leaked_keys(client) == []
    assert have_an_end(client)


async def test_it_costs_the_same_for_any_size(workspace: Workspace, client: "redis.Redis") -> None:
    costs = []
    for enrichment, people in (("small", 3), ("large", 900)):
        await workspace.create(enrichment)
        for start in range(0, people, 300):
            names = [f"{enrichment}-{number}" for number in range(start, min(start + 300, people))]
            await workspace.submit(enrichment, names)
        client.config_resetstat()
        await workspace.call("cancel_enrichment", enrichment=workspace.of(enrichment))
        stats = client.info("commandstats")
        costs.append(sum(each["calls"] for name, each in stats.items() if "info" not in name))
    small, large = costs
    # The small one is on its way out of the ring when the large one is cancelled.
    assert abs(large - small) <= 1
    assert small < 40


async def test_a_sweep_goes_on_after_a_crash(
    workspace: Workspace, client: "redis.Redis", valkey: Valkey
) -> None:
    people = [Submission(identifiers=(f"person-{number}",), reference="") for number in range(250)]
    enrichments = Enrichments(workspace.store, keys=PERSON_KEYS)
    submitted = await enrichments.submit(workspace.of("e"), people)
    assert len({item.profile[:7] for item in submitted}) == 3
    await workspace.call("cancel_enrichment", enrichment=workspace.of("e"))
    assert await workspace.call("sweep_cancelled") == {"more": True}
    halfway = states(workspace, client)
    assert "q" in halfway
    assert "w" in halfway
    valkey.kill9()
    valkey.restart()
    await sweep(workspace)
    assert states(workspace, client) == "w" * 250
    assert await workspace.progress() == {"withdrawn": 250}
    assert leaked_keys(client) == []
    assert have_an_end(client)
    assert await workspace.call("sweep_cancelled") == {"more": False}


async def test_a_view_under_way_is_settled_and_cached(
    workspace: Workspace, client: "redis.Redis"
) -> None:
    await workspace.submit("e", ["ada"])
    lease = await workspace.claim()
    assert lease is not None
    view = await workspace.view(lease)
    await workspace.call("cancel_enrichment", enrichment=workspace.of("e"))
    assert await workspace.finish(lease, view) == {"stop": False}
    assert (await workspace.profile(view.profile))["data"]["first_name"] == "Ada"
    budget = await workspace.budget()
    assert (budget["committed"], budget["reserved"]) == (1, 0)
    assert await workspace.progress() == {"withdrawn": 1}
    assert "PROFILE_ENRICHED" not in [event["t"] for event in await workspace.events()]
    await workspace.end(lease)
    await sweep(workspace)
    assert states(workspace, client) == "w"
    assert leaked_keys(client) == []


async def test_a_view_whose_worker_died_is_not_queued_again(workspace: Workspace) -> None:
    await workspace.submit("e", ["ada"])
    lease = await workspace.claim()
    assert lease is not None
    await workspace.view(lease)
    await workspace.call("cancel_enrichment", enrichment=workspace.of("e"))
    workspace.lose_lease()
    await workspace.look()
    assert await workspace.claim() is None
    assert await workspace.progress() == {"withdrawn": 1}


async def test_retries_are_passed_over(workspace: Workspace, clock: SteppedClock) -> None:
    await workspace.submit("e", ["ada"])
    lease = await workspace.claim()
    assert lease is not None
    view = await workspace.view(lease)
    await workspace.finish(lease, view, outcome="RETRY", retry_in_ms=MINUTE)
    await workspace.end(lease)
    await workspace.call("cancel_enrichment", enrichment=workspace.of("e"))
    withdrawn = await workspace.call(
        "withdraw_profiles", enrichment=workspace.of("e"), profiles=[view.profile]
    )
    assert withdrawn == {"withdrawn": 0}
    clock.advance_by(HOUR)
    assert await workspace.tick() == []
    assert await workspace.progress() == {"withdrawn": 1}
