"""What the scripts do when a view reveals somebody erased: who goes and who stays."""

from collections.abc import AsyncIterator

import pytest
import redis

from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.support.enrichment_store import DAY_MS, FRESH_MS, Workspace, person_of
from tests.support.key_leaks import leaked_keys
from tests.support.valkey import Valkey


@pytest.fixture
async def workspace(store: Store, empty_valkey: Valkey) -> AsyncIterator[Workspace]:
    """Account a with enrichment e; no engine works it."""
    with redis.Redis.from_url(empty_valkey.url) as client:
        workspace = Workspace(store, client)
        await workspace.connect(strategy="VETERAN")
        await workspace.create()
        yield workspace
        assert leaked_keys(client) == []


async def erase(workspace: Workspace, *ids: str) -> None:
    await workspace.call(
        "erase_profile", workspace=workspace.name, ids=list(ids), fresh_id="standin00001"
    )


async def test_an_old_owner_of_a_vanity_stays_when_the_new_one_goes(
    workspace: Workspace, clock: SteppedClock
) -> None:
    (old,) = await workspace.submit("e", ["ada"])
    await workspace.tick()
    clock.advance_by(FRESH_MS + DAY_MS)
    await erase(workspace, "ACo-new")
    await workspace.create("later")
    (place,) = await workspace.submit("later", ["ada"])
    assert place["profile"] == old["profile"]
    lease = await workspace.claim()
    assert lease is not None
    view = await workspace.view(lease)
    # The vanity is somebody else's now: of a person who has been erased.
    await workspace.finish(lease, view, person=person_of("ada", provider_id="ACo-new"))
    await workspace.end(lease)
    assert await workspace.progress() == {"total": 1, "enriched": 1}
    assert await workspace.progress("later") == {"erased": 1, "withdrawn": 1}
    assert (await workspace.profile(old["profile"]))["data"]["provider_id"] == "ACo-ada"
    erased = [event for event in await workspace.events() if event["t"] == "PROFILE_ERASED"]
    assert [event["e"] for event in erased] == ["w/later"]
    assert erased[0]["p"] != old["profile"]
    await workspace.create("last")
    (by_vanity, by_id) = await workspace.submit("last", ["ada", "ACo-ada"])
    assert by_vanity["state"] == "x"
    assert by_id["profile"] == old["profile"]


async def test_whoever_else_the_view_leads_to_goes_as_well(workspace: Workspace) -> None:
    """Enriched under one id, erased under another that nobody had connected with it."""
    (known,) = await workspace.submit("e", ["ACo-ada"])
    lease = await workspace.claim()
    assert lease is not None
    view = await workspace.view(lease)
    await workspace.finish(lease, view, person=person_of("ACo-ada", provider_id="ACo-ada"))
    await erase(workspace, "sales-ada")
    await workspace.create("later")
    (later,) = await workspace.submit("later", ["another-name"])
    view = await workspace.view(lease)
    person = person_of("another-name", provider_id="ACo-ada")
    person["ids"] = [*person["ids"], "sales-ada"]
    await workspace.finish(lease, view, person=person)
    await workspace.end(lease)
    assert await workspace.progress() == {"erased": 1}
    assert await workspace.progress("later") == {"erased": 1}
    for profile in (known, later):
        assert await workspace.profile(profile["profile"]) == {}
    await workspace.create("last")
    again = await workspace.submit("last", ["another-name", "ACo-ada", "sales-ada"])
    assert {answer["state"] for answer in again} == {"x"}


async def test_a_worker_without_its_lease_erases_too(workspace: Workspace) -> None:
    (submitted,) = await workspace.submit("e", ["ada"])
    lease = await workspace.claim()
    assert lease is not None
    view = await workspace.view(lease)
    await erase(workspace, "ACo-ada")
    workspace.lose_lease()
    assert await workspace.finish(lease, view) == {"stale": True}
    assert await workspace.profile(submitted["profile"]) == {}
    assert await workspace.progress() == {"erased": 1}
    assert (await workspace.budget())["committed"] == 1


async def test_ids_that_only_the_submitter_connected_are_not_erased_by_hearsay(
    workspace: Workspace,
) -> None:
    await erase(workspace, "ada")
    (both, alone) = await workspace.submit("e", [["ada", "grace"], "grace"])
    assert (both["state"], alone["state"]) == ("x", "q")
    assert await workspace.progress() == {"total": 1, "pending": 1, "erased": 1}


async def test_the_joined_data_of_old_events_is_gone_at_once(workspace: Workspace) -> None:
    await workspace.submit("e", ["ada"])
    await workspace.tick()

    async def joined() -> list[str]:
        answer = await workspace.call("read_events", after="0-0", limit=100, join=True)
        return [
            record["data"]
            for _, _, *rest in answer["events"]
            for record in rest
            if "data" in record
        ]

    assert len(await joined()) == 1
    await erase(workspace, "ada")
    assert await joined() == []


async def test_places_that_were_done_before_two_records_became_one_go_too(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await workspace.create("other")
    await workspace.submit("e", ["ACo-ada"])
    lease = await workspace.claim()
    assert lease is not None
    view = await workspace.view(lease)
    await workspace.finish(lease, view, outcome="RETRY", retry_in_ms=DAY_MS)
    clock.advance_by(1)
    await workspace.submit("other", ["ada"])
    view = await workspace.view(lease)
    await workspace.finish(lease, view, outcome="FAILED", failure="NOT_FOUND")
    await workspace.end(lease)
    clock.advance_by(DAY_MS)
    lease = await workspace.claim()
    assert lease is not None
    view = await workspace.view(lease)
    # The younger record, whose place is done, leads to the older one from now on.
    await workspace.finish(lease, view, person=person_of("ada", provider_id="ACo-ada"))
    await workspace.end(lease)
    assert await workspace.progress("other") == {"total": 1, "failed": 1}
    await erase(workspace, "ACo-ada")
    assert await workspace.progress() == {"erased": 1}
    assert await workspace.progress("other") == {"erased": 1}
