"""The workspace's cache: whoever is known is not viewed again, and what is seen stays apart."""

import orjson
import redis

from servicekit.clock import SteppedClock
from tests.support.enrichment_store import DAY_MS, FRESH_MS, Workspace
from tests.support.store_scenes import claimed, ready, states


async def test_whom_the_cache_knows_is_answered_at_once(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await ready(workspace, "e", "other")
    await workspace.submit("e", ["ada"])
    assert await workspace.tick() == ["ada"]
    clock.advance_by(FRESH_MS - 1)
    assert await states(workspace, "other", "ada", "ACo-ada") == ["c", "c"]
    assert await workspace.progress("other") == {"total": 1, "cached": 1}
    clock.advance_by(1)
    await workspace.create("stale")
    assert await states(workspace, "stale", "ada") == ["q"]


async def test_cached_people_wait_for_no_cap_and_no_pause(workspace: Workspace) -> None:
    await ready(workspace, "e", "other", "paused")
    await workspace.submit("e", ["ada"])
    await workspace.tick()
    await workspace.consume(99, purpose="CAMPAIGN_STEP", allow_partial=True)
    assert (await workspace.budget())["available"] == 0
    await workspace.call("set_account_connection", account=workspace.of("a"), connected=False)
    await workspace.call("set_enrichment_paused", enrichment=workspace.of("paused"), paused=True)
    assert await states(workspace, "other", "ada") == ["c"]
    assert await states(workspace, "paused", "ada") == ["c"]
    last = (await workspace.events())[-2:]
    assert [event["t"] for event in last] == ["PROFILE_CACHED", "ENRICHMENT_IDLE"]


async def test_who_becomes_known_while_queued_is_not_viewed_again(workspace: Workspace) -> None:
    await ready(workspace, "e", "other")
    await workspace.submit("e", ["ada", "bob"])
    await workspace.submit("other", ["bob", "ada", "eve"])
    assert sorted(await workspace.tick()) == ["ada", "bob", "eve"]
    assert await workspace.progress("e") == {"total": 2, "cached": 1, "enriched": 1}
    assert await workspace.progress("other") == {"total": 3, "cached": 1, "enriched": 2}
    assert (await workspace.budget())["committed"] == 3


async def test_the_cached_are_answered_in_a_tick_even_at_the_cap(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await ready(workspace, "e", "other")
    await workspace.submit("e", ["ada"])
    await workspace.submit("other", ["ada", "eve"])
    lease = await claimed(workspace)
    await workspace.finish(lease, await workspace.view(lease))
    await workspace.consume(99, allow_partial=True)
    assert await workspace.begin(lease) == "DAILY_CAP_REACHED"
    assert await workspace.progress("other") == {"total": 2, "cached": 1, "pending": 1}


async def test_max_age_asks_for_fresher_data(workspace: Workspace, clock: SteppedClock) -> None:
    await ready(workspace)
    await workspace.submit("e", ["ada"])
    await workspace.tick()
    clock.advance_by(DAY_MS)
    await workspace.create("fresher", max_age_ms=DAY_MS)
    await workspace.create("patient", max_age_ms=DAY_MS + 1)
    assert await states(workspace, "fresher", "ada") == ["q"]
    assert await states(workspace, "patient", "ada") == ["c"]


async def test_submitting_again_is_harmless(workspace: Workspace, clock: SteppedClock) -> None:
    await ready(workspace)
    first = await workspace.submit("e", ["ada", "bob"])
    assert await workspace.submit("e", ["ada", "bob"]) == first
    await workspace.tick()
    again = await workspace.submit("e", ["bob", "ada"])
    assert [item["profile"] for item in again] == [item["profile"] for item in reversed(first)]
    assert [item["state"] for item in again] == ["e", "e"]
    assert await workspace.progress() == {"total": 2, "enriched": 2}


async def test_what_one_account_saw_is_not_shown_to_another(workspace: Workspace) -> None:
    await ready(workspace)
    await workspace.connect("b", strategy="VETERAN")
    await workspace.create("of-b", "b")
    await workspace.submit("e", ["ada"])
    await workspace.tick()
    answer = (await workspace.submit("of-b", ["ada"]))[0]
    assert answer["state"] == "c"
    assert (await workspace.profile(answer["profile"], "a"))["viewer"] == {"degree": "SECOND"}
    assert "viewer" not in await workspace.profile(answer["profile"], "b")
    events = await workspace.call("read_events", after="0-0", limit=1000, join=True)
    seen = {
        event["a"]: record.get("viewer")
        for (_, text, *records) in events["events"]
        if (event := orjson.loads(text)).get("p")
        for record in records
    }
    assert seen["w/b"] is None
    assert seen["w/a"] is not None


async def test_an_account_of_a_deleted_name_does_not_see_what_the_first_saw(
    workspace: Workspace,
) -> None:
    await ready(workspace)
    profile = (await workspace.submit("e", ["ada"]))[0]["profile"]
    await workspace.tick()
    assert "viewer" in await workspace.profile(profile)
    await workspace.call("cancel_enrichment", enrichment=workspace.of("e"))
    await workspace.call("delete_account", account=workspace.of("a"))
    assert "viewer" not in await workspace.profile(profile)
    await workspace.call(
        "connect_account",
        account=workspace.of("a"),
        settings={"provider": "another", "strategy": "NEW", "pacing": "BURST"},
    )
    assert "viewer" not in await workspace.profile(profile)
    assert (await workspace.profile(profile))["data"]["first_name"] == "Ada"


async def test_workspaces_know_nothing_of_each_other(
    workspace: Workspace, valkey_client: "redis.Redis"
) -> None:
    await ready(workspace)
    await workspace.submit("e", ["ada"])
    await workspace.tick()
    # One in the same partition, so nothing but the names keeps them apart.
    name = next(
        name
        for name in (f"x{number}" for number in range(1000))
        if Workspace(workspace.store, valkey_client, name).partition == workspace.partition
    )
    other = Workspace(workspace.store, valkey_client, name)
    await ready(other)
    assert await states(other, "e", "ada") == ["q"]
    assert await other.tick() == ["ada"]


async def test_who_is_waited_for_is_kept(
    workspace: Workspace, valkey_client: "redis.Redis"
) -> None:
    """Answering one enrichment from the cache does not let the record of another go."""
    await ready(workspace, "e", "quick")
    profile = (await workspace.submit("e", ["ada"]))[0]["profile"]
    await workspace.tick()
    await workspace.create("fresher", max_age_ms=0)
    assert await states(workspace, "fresher", "ada") == ["q"]
    assert await states(workspace, "quick", "ada") == ["c"]
    for key in (f"profile:w/{profile}", "alias:w/ada", "alias:w/ACo-ada"):
        assert valkey_client.ttl(workspace.tag + key) == -1
