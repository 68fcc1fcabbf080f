"""EraseProfile: whoever has been erased stays away, whichever id they come back under."""

from collections.abc import AsyncIterator, Iterator

import pytest
import redis
from enrichment.v1 import enrichments_pb2 as pb
from enrichment.v1 import profiles_pb2

from tests.enrichment_service.enrichment_calls import (
    LEADS,
    PARENT,
    EnrichmentCalls,
    calling,
    counts,
)
from tests.enrichment_service.outcome_stack import HOUR, MINUTE, OutcomeStack, until
from tests.support.key_leaks import dump, leaked_keys, text
from tests.support.valkey import Valkey

ADA = "ada-lovelace"


@pytest.fixture
async def calls(stack: OutcomeStack) -> AsyncIterator[EnrichmentCalls]:
    async with calling(stack) as calls:
        yield calls


@pytest.fixture
def client(empty_valkey: Valkey) -> "Iterator[redis.Redis]":
    with redis.Redis.from_url(empty_valkey.url) as client:
        yield client


async def known(calls: EnrichmentCalls, profile: str) -> profiles_pb2.Profile:
    """What the cache has of a profile."""
    response = await calls.stub.BatchGetProfiles(
        pb.BatchGetProfilesRequest(parent=PARENT, names=[profile])
    )
    return response.profiles[0]


async def erasures(stack: OutcomeStack) -> list[tuple[str, str]]:
    """Enrichment and profile of each event."""
    return [(event["e"], event["p"]) for event in await stack.events("PROFILE_ERASED")]


async def ids_of_ada(stack: OutcomeStack) -> tuple[str, list[str]]:
    """Her provider id, and all that tells who she is, from LinkedIn itself."""
    answer = await stack.sim.view(ADA, account="somebody-elses")
    person = answer.json
    told = [ADA, person["first_name"], person["last_name"], person["provider_id"]]
    return str(person["provider_id"]), [str(each) for each in told]


def everything(client: "redis.Redis") -> str:
    """All keys and values of the store."""
    found: list[object] = []
    for key in client.scan_iter(count=1000):
        match text(client.type(key)):
            case "string":
                value: object = client.get(key)
            case "hash":
                value = client.hgetall(key)
            case "list":
                value = client.lrange(key, 0, -1)
            case "zset":
                value = client.zrange(key, 0, -1)
            case kind:
                assert kind == "stream"
                value = client.xrange(key)
        found.append((key, value))
    return str(found)


async def test_nothing_is_left_of_somebody_enriched(
    stack: OutcomeStack, calls: EnrichmentCalls, client: "redis.Redis"
) -> None:
    _, told = await ids_of_ada(stack)
    ada, grace = (each.profile for each in await calls.submit(ADA, "grace-hopper"))
    await stack.quiet()
    again = await calls.create("again", stack.id)
    (place,) = await calls.submit(ADA, to=again)
    assert (place.profile, place.state) == (ada, pb.PROFILE_STATE_CACHED)
    stored = everything(client)
    assert [each in stored for each in told] == [True] * 4

    await calls.erase("Ada-LOVELACE")
    assert await known(calls, ada) == profiles_pb2.Profile(name=ada)
    assert (await known(calls, grace)).first_name
    stored = everything(client)
    assert [each in stored for each in told] == [False] * 4
    assert counts((await calls.get()).progress) == {"total": 1, "enriched": 1, "erased": 1}
    assert counts((await calls.get(again)).progress) == {"erased": 1}
    profile = ada.rpartition("/")[2]
    assert await erasures(stack) == [("acme/again", profile), ("acme/leads", profile)]
    assert (await calls.explain(ada)).profile_state == pb.PROFILE_STATE_ERASED
    assert leaked_keys(client) == []


async def test_no_id_of_theirs_comes_back(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    provider_id, _ = await ids_of_ada(stack)
    (ada,) = await calls.submit(ADA)
    await stack.quiet()
    await calls.erase(ADA)
    later = await calls.create("later", stack.id)
    for name in (provider_id, "ADA-Lovelace", provider_id):
        (answer,) = await calls.submit(name, to=later)
        assert (answer.profile, answer.state) == (ada.profile, pb.PROFILE_STATE_ERASED)
    assert counts((await calls.get(later)).progress) == {"erased": 1}
    assert (await calls.get(later)).state == pb.ENRICHMENT_STATE_IDLE
    assert len(await erasures(stack)) == 2
    await stack.advance(HOUR)
    assert len(await stack.requests()) == 1


async def test_a_view_that_reveals_somebody_erased_leaves_nothing(
    stack: OutcomeStack, calls: EnrichmentCalls, client: "redis.Redis"
) -> None:
    provider_id, told = await ids_of_ada(stack)
    await calls.erase(ADA)
    # Nobody can tell yet that this is her.
    (submitted,) = await calls.submit(provider_id)
    assert submitted.state == pb.PROFILE_STATE_PENDING
    await stack.quiet()
    await stack.check_books(charged=1)
    assert counts((await calls.get()).progress) == {"erased": 1}
    assert await erasures(stack) == [("acme/leads", submitted.profile.rpartition("/")[2])]
    assert await stack.events("PROFILE_ENRICHED") == []
    assert len(await stack.events("ENRICHMENT_IDLE")) == 1
    stored = everything(client)
    assert [each in stored for each in told] == [False] * 4
    assert leaked_keys(client) == []

    # From now on this id is enough.
    (again,) = await calls.submit(provider_id, to=await calls.create("again", stack.id))
    assert again.state == pb.PROFILE_STATE_ERASED
    await stack.advance(HOUR)
    assert len(await stack.requests()) == 1


async def test_a_partial_view_reveals_them_as_well(
    stack: OutcomeStack, calls: EnrichmentCalls, client: "redis.Redis"
) -> None:
    provider_id, told = await ids_of_ada(stack)
    await calls.erase(ADA)
    await stack.fault("throttle")
    await calls.submit(provider_id)
    await stack.quiet()
    assert counts((await calls.get()).progress) == {"erased": 1}
    stored = everything(client)
    assert [each in stored for each in told] == [False] * 4


async def test_whoever_waits_is_not_viewed(
    stack: OutcomeStack, calls: EnrichmentCalls, client: "redis.Redis"
) -> None:
    await stack.fault("error", type="service_unavailable", match_times=1)
    await calls.submit("grace-hopper")
    await stack.quiet()
    await calls.submit(ADA)
    assert counts((await calls.get()).progress) == {"total": 2, "pending": 2}
    # One waits for another try, one for a turn.
    assert list(client.scan_iter("*:retries:*"))
    await calls.erase("grace-hopper")
    assert not list(client.scan_iter("*:retries:*"))
    assert counts((await calls.get()).progress) == {"total": 1, "pending": 1, "erased": 1}
    await calls.erase(ADA)
    assert counts((await calls.get()).progress) == {"erased": 2}
    assert [event["t"] for event in await stack.events()][-1] == "ENRICHMENT_IDLE"
    await stack.advance(HOUR)
    assert len(await stack.requests()) == 1
    assert await stack.due_ms() is None


async def test_a_view_under_way_leaves_nothing(
    stack: OutcomeStack, calls: EnrichmentCalls, client: "redis.Redis"
) -> None:
    _, told = await ids_of_ada(stack)
    await stack.fault("delay", delay_ms=500)
    await calls.submit(ADA)

    async def is_viewed() -> bool:
        return (await calls.explain()).wait_reason == pb.WAIT_REASON_VIEW

    await until(is_viewed, "the view began")
    await calls.erase(ADA)
    assert counts((await calls.get()).progress) == {"erased": 1}
    await stack.quiet()
    await stack.check_books(charged=1)
    assert counts((await calls.get()).progress) == {"erased": 1}
    assert len(await erasures(stack)) == 1
    stored = everything(client)
    assert [each in stored for each in told] == [False] * 4
    assert leaked_keys(client) == []


async def test_people_who_turned_out_to_be_one_go_together(
    stack: OutcomeStack, calls: EnrichmentCalls, client: "redis.Redis"
) -> None:
    provider_id, told = await ids_of_ada(stack)
    again = await calls.create("again", stack.id)
    (by_vanity,) = await calls.submit(ADA)
    (by_id,) = await calls.submit(provider_id, to=again)
    assert by_vanity.profile != by_id.profile
    await stack.quiet()
    await stack.advance(3 * MINUTE)
    await calls.erase(provider_id)
    assert await erasures(stack) == [
        ("acme/again", by_id.profile.rpartition("/")[2]),
        ("acme/leads", by_vanity.profile.rpartition("/")[2]),
    ]
    assert counts((await calls.get(LEADS)).progress) == {"erased": 1}
    assert counts((await calls.get(again)).progress) == {"erased": 1}
    stored = everything(client)
    assert [each in stored for each in told] == [False] * 4
    assert not list(client.scan_iter("*:profile:*"))


async def test_repeating_it_changes_nothing(
    stack: OutcomeStack, calls: EnrichmentCalls, client: "redis.Redis"
) -> None:
    await calls.submit(ADA)
    await stack.quiet()
    await calls.erase(ADA)
    await calls.erase("nobody-here")
    before = dump(client)
    await calls.erase(ADA)
    await calls.erase("nobody-here")
    assert dump(client) == before


async def test_in_a_cancelled_enrichment_too(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    await stack.enrichments.set_paused("acme/leads", paused=True)
    (ada,) = await calls.submit(ADA)
    await calls.submit("grace-hopper")
    await calls.cancel()
    await calls.erase(ADA)
    assert counts((await calls.get()).progress) == {"withdrawn": 1, "erased": 1}
    assert (await calls.explain(ada.profile)).profile_state == pb.PROFILE_STATE_ERASED


async def test_other_workspaces_keep_their_own(stack: OutcomeStack, calls: EnrichmentCalls) -> None:
    (ada,) = await calls.submit(ADA)
    await stack.quiet()
    await calls.erase(ADA, parent="workspaces/other")
    assert (await known(calls, ada.profile)).first_name == "Ada"
    assert await erasures(stack) == []


async def test_a_retry_does_not_bring_them_back(
    stack: OutcomeStack, calls: EnrichmentCalls
) -> None:
    await stack.fault("error", type="resource_not_found")
    await calls.submit(ADA)
    await stack.quiet()
    await calls.erase(ADA)
    assert counts((await calls.retry()).progress) == {"erased": 1}
