"""Enrichment reaches prospects and members: submitted by seq, linked from the event log."""

from audience.v1 import audiences_pb2, prospects_pb2
from enrichment.v1 import events_pb2, profiles_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from clients.audience import AudienceClient
from tests.audience_service.calls import (
    PARENT,
    add,
    get,
    members,
    prospect,
)
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub
from tests.audience_service.submitted import ADA, ENRICHMENT, submitted


async def test_members_are_submitted_and_an_event_fills_in_the_person(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    [ada, bob] = await submitted(
        client, enrichment, until, "linkedin.com/in/Ada-Lovelace", "linkedin.com/in/bob"
    )
    assert enrichment.submitted[ENRICHMENT][ada] == ["ada-lovelace"]
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=ADA)
    audience = f"{PARENT}/audiences/leads"

    async def linked() -> bool:
        return (await get(client, audience)).progress.enriched == 1

    await until(linked)
    person = await prospect(client, ada)
    assert (person.first_name, person.member_id) == ("Ada", "117649604")
    assert {each.source for each in person.provenance} == {prospects_pb2.FIELD_SOURCE_ENRICHMENT}
    by_name = {each.prospect.name: each for each in await members(client, audience)}
    assert by_name[person.name].state == audiences_pb2.MEMBER_STATE_ENRICHED
    assert by_name[person.name].connection_degree == profiles_pb2.CONNECTION_DEGREE_SECOND
    assert by_name[f"{PARENT}/prospects/{bob}"].state == audiences_pb2.MEMBER_STATE_PENDING


async def test_two_prospects_that_enrichment_shows_to_be_one_are_merged(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = f"{PARENT}/audiences/leads"
    [older, younger] = await submitted(
        client,
        enrichment,
        until,
        "linkedin.com/in/ada-lovelace",
        "https://www.linkedin.com/sales/lead/ACwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA01,NAME,x",
    )
    enrichment.emit(enrichment=ENRICHMENT, prospect=younger, data=ADA)
    enrichment.emit(enrichment=ENRICHMENT, prospect=older, data=ADA)

    async def merged() -> bool:
        return (await get(client, audience)).progress.members == 1

    await until(merged)
    progress = (await get(client, audience)).progress
    assert (progress.members, progress.enriched, progress.pending) == (1, 1, 0)
    survivors = {(await prospect(client, each)).name for each in (older, younger)}
    assert len(survivors) == 1
    # Every spelling leads to the survivor now.
    again = await add(
        client,
        audience,
        "linkedin.com/in/ada-lovelace",
        "urn:li:fsd_profile:ACoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1",
        "urn:li:member:117649604",
        "urn:li:fs_salesProfile:(ACwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA01,NAME,x)",
    )
    assert {f"{PARENT}/prospects/{each}" for each in again} == survivors


async def test_an_event_that_comes_again_or_for_strangers_changes_nothing(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = f"{PARENT}/audiences/leads"
    [ada, bob] = await submitted(
        client, enrichment, until, "linkedin.com/in/ada-lovelace", "linkedin.com/in/bob"
    )
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=ADA)
    enrichment.emit(enrichment=ENRICHMENT, prospect="stranger00000000", data=ADA, profile="")
    enrichment.emit(enrichment=f"{PARENT}/enrichments/others", prospect=ada)
    enrichment.emit(enrichment="workspaces/other/enrichments/leads", prospect=ada)
    enrichment.emit(
        enrichment=ENRICHMENT, prospect=ada, kind=events_pb2.EVENT_TYPE_PROFILE_FAILED, revision=1
    )
    enrichment.emit(
        enrichment=ENRICHMENT, prospect=bob, kind=events_pb2.EVENT_TYPE_PROFILE_PARTIAL, revision=1
    )
    enrichment.emit(
        enrichment=ENRICHMENT,
        prospect=bob,
        kind=events_pb2.EVENT_TYPE_PROFILE_PARTIAL,
        revision=2,
        final=True,
    )

    async def all_applied() -> bool:
        return (await get(client, audience)).progress.partial == 1

    await until(all_applied)
    progress = (await get(client, audience)).progress
    assert (progress.enriched, progress.failed, progress.pending) == (1, 0, 0)


async def test_a_manual_edit_survives_enrichment_until_it_is_cleared(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    [ada] = await submitted(client, enrichment, until, "linkedin.com/in/ada-lovelace")
    name = f"{PARENT}/prospects/{ada}"

    async def edit(headline: str) -> None:
        await client.prospects.UpdateProspect(
            prospects_pb2.UpdateProspectRequest(
                prospect=prospects_pb2.Prospect(name=name, headline=headline),
                update_mask=FieldMask(paths=["headline"]),
            )
        )

    await edit("A friend of ours")
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=ADA, revision=1)

    async def first_name_is_there() -> bool:
        return bool((await prospect(client, ada)).first_name)

    await until(first_name_is_there)
    assert (await prospect(client, ada)).headline == "A friend of ours"
    await edit("")
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=ADA, revision=2)

    async def enriched_again() -> bool:
        return (await prospect(client, ada)).headline == ADA.headline

    await until(enriched_again)


async def test_members_who_leave_are_withdrawn_and_later_ones_follow(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = f"{PARENT}/audiences/leads"
    [ada] = await submitted(client, enrichment, until, "linkedin.com/in/ada-lovelace")
    await client.audiences.RemoveProspects(
        audiences_pb2.RemoveProspectsRequest(
            audience=audience, prospects=[f"{PARENT}/prospects/{ada}"]
        )
    )
    [bob, pub] = await add(
        client, audience, "linkedin.com/in/bob", "linkedin.com/pub/jane-doe/1/2/3"
    )

    async def in_step() -> bool:
        return bool(enrichment.withdrawn) and bob in enrichment.submitted[ENRICHMENT]

    await until(in_step)
    assert enrichment.withdrawn == [f"{PARENT}/profiles/p0000{ada[-8:]}"]
    # Nobody can view a legacy address: such a member stays not submitted.
    assert pub not in enrichment.submitted[ENRICHMENT]

    async def counted() -> bool:
        progress = (await get(client, audience)).progress
        return (progress.members, progress.pending, progress.not_submitted) == (2, 1, 1)

    await until(counted)


async def test_pausing_and_deleting_reach_the_enrichment_service(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = f"{PARENT}/audiences/leads"
    await submitted(client, enrichment, until, "linkedin.com/in/ada-lovelace")
    await client.audiences.PauseEnrichment(audiences_pb2.PauseEnrichmentRequest(name=audience))

    async def paused() -> bool:
        return (await get(client, audience)).progress.HasField("pause")

    await until(paused)
    await client.audiences.ResumeEnrichment(audiences_pb2.ResumeEnrichmentRequest(name=audience))

    async def resumed() -> bool:
        return not await paused()

    await until(resumed)
    await client.audiences.DeleteAudience(audiences_pb2.DeleteAudienceRequest(name=audience))

    async def cancelled() -> bool:
        return enrichment.cancelled == [ENRICHMENT]

    await until(cancelled)


async def test_who_had_failed_waits_again_and_a_moved_vanity_brings_its_new_owner(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = f"{PARENT}/audiences/leads"
    [ada] = await submitted(client, enrichment, until, "linkedin.com/in/ada-lovelace")

    async def told(**counts: int) -> None:
        async def counted() -> bool:
            progress = (await get(client, audience)).progress
            names = ("pending", "failed", "enriched")
            return {name: getattr(progress, name) for name in names} == dict.fromkeys(
                names, 0
            ) | counts

        await until(counted)

    failed, pending = events_pb2.EVENT_TYPE_PROFILE_FAILED, events_pb2.EVENT_TYPE_PROFILE_PENDING
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, kind=failed)
    await told(failed=1)
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, kind=pending, revision=2)
    await told(pending=1)
    # A repeat of what is older.
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, kind=failed)
    withdrawn = events_pb2.EVENT_TYPE_PROFILE_WITHDRAWN
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, kind=withdrawn, revision=3)
    await told()
    other = f"{PARENT}/profiles/p000other"
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=ADA, revision=4, profile=other)
    await told(enriched=1)
