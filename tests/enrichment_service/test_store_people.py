"""Who one person is: ids that turn out to be one, and a vanity that changes hands."""

from typing import Any

import redis

from servicekit.clock import SteppedClock
from tests.support.enrichment_store import FRESH_MS, MINUTE_MS, Workspace, person_of
from tests.support.store_scenes import claimed, ready, states

TICK_MS = 3 * MINUTE_MS


async def test_two_ids_of_one_person_are_joined_and_nobody_is_viewed_again(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await ready(workspace, "e", "other")
    by_id, by_name = await workspace.submit("e", ["ACo-ada", "ada"])
    lease = await claimed(workspace)
    view = await workspace.view(lease)
    await workspace.finish(lease, view, person=person_of("ada"))
    assert await workspace.begin(lease) == "NO_WORK"
    assert await workspace.progress() == {"total": 2, "enriched": 1, "cached": 1}
    older, younger = [await workspace.profile(item["profile"]) for item in (by_id, by_name)]
    assert older == younger
    assert await states(workspace, "other", "ada", "ACo-ada") == ["c", "c"]
    assert await workspace.progress("other") == {"total": 1, "cached": 1}
    # The places that both have stay what they are.
    assert await states(workspace, "e", "ada", "ACo-ada") == ["e", "e"]
    assert await workspace.progress() == {"total": 2, "enriched": 1, "cached": 1}


async def test_a_chain_of_joined_records_still_leads_to_the_person(
    workspace: Workspace, clock: SteppedClock
) -> None:
    """Three names, three records; each view joins two of them, the youngest first."""
    await ready(workspace)
    oldest = (await workspace.submit("e", ["ACo-ada"]))[0]["profile"]
    await workspace.call("withdraw_profiles", enrichment=workspace.of("e"), profiles=[oldest])
    clock.advance_by(1)
    middle, youngest = [
        item["profile"] for item in await workspace.submit("e", ["ada-old", "ada-new"])
    ]
    lease = await claimed(workspace)
    view = await workspace.view(lease)
    # A partial answer without the provider's id, which joins the two names only.
    partial = person_of("ada-new") | {"ids": ["ada-new", "ada-old"], "provider_id": "ACo-ada"}
    partial["data"] = {"provider_id": "ACo-ada"}
    await workspace.finish(lease, view, outcome="PARTIAL", person=partial, retry_in_ms=0)
    view = await workspace.view(lease)
    await workspace.finish(lease, view, person=person_of("ada-new", provider_id="ACo-ada"))
    records = [await workspace.profile(profile) for profile in (oldest, middle, youngest)]
    assert records[0] == records[1] == records[2]
    assert records[0]["data"]["first_name"] == "Ada"
    await workspace.create("other")
    assert await states(workspace, "other", "ada-old", "ada-new", "ACo-ada") == ["c", "c", "c"]


async def test_the_joined_keep_what_each_account_saw(workspace: Workspace) -> None:
    await ready(workspace)
    await workspace.connect("b", strategy="VETERAN")
    await workspace.create("of-b", "b", max_age_ms=0)
    older = (await workspace.submit("e", ["ada"]))[0]["profile"]
    younger = (await workspace.submit("of-b", ["ACo-1"]))[0]["profile"]
    leases = {lease.account: lease for lease in [await claimed(workspace) for _ in range(2)]}
    by_b = await workspace.view(leases["w/b"])
    by_a = await workspace.view(leases["w/a"])
    await workspace.finish(leases["w/b"], by_b, person=person_of("ACo-1", degree="FIRST"))
    person = person_of("ada", provider_id="ACo-1", degree="THIRD")
    await workspace.finish(leases["w/a"], by_a, person=person)
    for profile in (older, younger):
        assert (await workspace.profile(profile, "a"))["viewer"] == {"degree": "THIRD"}
        assert (await workspace.profile(profile, "b"))["viewer"] == {"degree": "FIRST"}


async def test_a_vanity_that_moved_to_another_member_is_a_new_person(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await ready(workspace)
    first = (await workspace.submit("e", ["ada"]))[0]["profile"]
    await workspace.tick()
    clock.advance_by(FRESH_MS)
    await workspace.create("later")
    assert (await workspace.submit("later", ["ada"]))[0]["profile"] == first
    lease = await claimed(workspace)
    view = await workspace.view(lease)
    moved = person_of("ada", provider_id="ACo-other", first_name="Other")
    await workspace.finish(lease, view, person=moved)
    await workspace.end(lease)

    assert await workspace.progress("later") == {"total": 1, "enriched": 1, "withdrawn": 1}
    withdrawn, enriched = (await workspace.events())[-3:-1]
    assert (withdrawn["t"], withdrawn["p"], withdrawn["v"]) == ("PROFILE_WITHDRAWN", first, 1)
    assert (enriched["t"], enriched["v"]) == ("PROFILE_ENRICHED", 2)
    assert enriched["p"] != first
    assert enriched["r"] == withdrawn["r"]
    assert (await workspace.profile(first))["data"]["first_name"] == "Ada"
    assert (await workspace.profile(enriched["p"]))["data"]["first_name"] == "Other"
    # The vanity leads to its owner of today; the first person is asked for by what stays hers.
    await workspace.create("last")
    again, hers = await workspace.submit("last", ["ada", "ACo-ada"])
    assert (again["profile"], again["state"]) == (enriched["p"], "c")
    assert (hers["profile"], hers["state"]) == (first, "q")
    clock.advance_by(TICK_MS)
    assert await workspace.tick() == ["ACo-ada"]


async def test_a_moved_vanity_leads_to_the_record_that_its_new_owner_has(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await ready(workspace)
    ada, other = await workspace.submit("e", ["ada", "ACo-other"])
    await workspace.tick()
    clock.advance_by(FRESH_MS)
    await workspace.create("later")
    await workspace.submit("later", ["ada"])
    lease = await claimed(workspace)
    moved = person_of("ada", provider_id="ACo-other", first_name="Other")
    await workspace.finish(lease, await workspace.view(lease), person=moved)
    assert (await workspace.profile(other["profile"]))["data"]["first_name"] == "Other"
    assert (await workspace.profile(ada["profile"]))["data"]["provider_id"] == "ACo-ada"
    assert await states(workspace, "later", "ACo-other", "ada") == ["e", "e"]


async def test_a_partial_answer_takes_nothing_away(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await ready(workspace)
    profile = (await workspace.submit("e", ["ada"]))[0]["profile"]
    lease = await claimed(workspace)
    await workspace.finish(
        lease, await workspace.view(lease), person=person_of("ada", headline="Countess")
    )
    await workspace.end(lease)
    clock.advance_by(FRESH_MS)
    await workspace.create("later")
    await workspace.submit("later", ["ada"])
    for outcome, headline in (("PARTIAL", "Countess"), ("ENRICHED", None)):
        lease = await claimed(workspace)
        view = await workspace.view(lease)
        person = person_of("ada", location="London")
        delay: dict[str, Any] = {"retry_in_ms": TICK_MS} if outcome == "PARTIAL" else {}
        await workspace.finish(lease, view, outcome=outcome, person=person, **delay)
        await workspace.end(lease)
        data = (await workspace.profile(profile))["data"]
        assert (data.get("headline"), data["location"]) == (headline, "London")
        clock.advance_by(TICK_MS)


async def test_a_known_id_beside_an_unknown_one_is_enough(workspace: Workspace) -> None:
    await ready(workspace, "e", "other")
    await workspace.submit("e", ["someone"])
    await workspace.tick()
    await workspace.submit("e", ["ACw-sales"])
    answer = await workspace.submit("other", [("ACw-sales", "someone")])
    assert answer[0]["state"] == "c"


async def test_new_names_of_known_people_are_learnt_and_expire_with_them(
    workspace: Workspace, valkey_client: "redis.Redis"
) -> None:
    await ready(workspace, "e", "other")
    await workspace.submit("e", ["ada"])
    await workspace.tick()
    await workspace.submit("e", [("ada", "ACw-ada")])
    ttls = [valkey_client.ttl(f"{workspace.tag}alias:w/{name}") for name in ("ACw-ada", "ada")]
    assert ttls[0] == ttls[1] > 0
    assert await states(workspace, "other", "ACw-ada") == ["c"]
