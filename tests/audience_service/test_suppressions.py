"""Suppressed people are never added, viewed or enrolled, however they are named and whenever."""

import pytest
from audience.v1 import audiences_pb2, prospects_pb2, suppressions_pb2
from enrichment.v1 import events_pb2, profiles_pb2

from clients.audience import AudienceClient
from clients.errors import RpcFailed
from tests.audience_service.calls import (
    PARENT,
    add,
    create,
    get,
    import_bytes,
    start_enrichment,
)
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub

ENRICHMENT = f"{PARENT}/enrichments/leads"
ADA_ID = "ACoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1"
FILE = f"url\nlinkedin.com/in/{ADA_ID}\nlinkedin.com/in/Ada-Lovelace\nlinkedin.com/in/carol-x\n"


async def suppress(client: AudienceClient, *urls: str) -> int:
    response = await client.suppressions.SuppressProspects(
        suppressions_pb2.SuppressProspectsRequest(parent=PARENT, profile_urls=urls)
    )
    return response.added_count


async def unsuppress(client: AudienceClient, *prospects: str) -> int:
    response = await client.suppressions.UnsuppressProspects(
        suppressions_pb2.UnsuppressProspectsRequest(
            parent=PARENT, prospects=[f"{PARENT}/prospects/{each}" for each in prospects]
        )
    )
    return response.removed_count


async def listed(client: AudienceClient) -> list[str]:
    urls: list[str] = []
    token = ""
    while True:
        page = await client.suppressions.ListSuppressions(
            suppressions_pb2.ListSuppressionsRequest(parent=PARENT, page_size=1, page_token=token)
        )
        urls += [each.profile_url for each in page.suppressions]
        token = page.next_page_token
        if not token:
            return [each.removeprefix("https://www.linkedin.com/") for each in urls]


async def streamed(client: AudienceClient, audience: str) -> set[str]:
    return {
        member.prospect.name.rpartition("/")[2]
        async for page in client.audiences.StreamProspects(
            audiences_pb2.StreamProspectsRequest(audiences=[audience])
        )
        for member in page.members
    }


async def enriched_ada(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until, *, url: str
) -> list[str]:
    """Ada, of whom a view shows all ids, and Bob, who still waits, in a started audience."""
    audience = await create(client)
    people = await add(client, audience, url, "linkedin.com/in/bob-x")
    await start_enrichment(client, audience)

    async def pending() -> bool:
        return (await get(client, audience)).progress.pending == 2

    await until(pending)
    enrichment.emit(
        enrichment=ENRICHMENT,
        prospect=people[0],
        data=profiles_pb2.Profile(provider_id=ADA_ID, public_identifier="ada-lovelace"),
    )

    async def enriched() -> bool:
        return (await get(client, audience)).progress.enriched == 1

    await until(enriched)
    return people


async def test_all_ids_of_a_member_count_and_they_are_not_enrolled(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = f"{PARENT}/audiences/leads"
    ada, bob = await enriched_ada(client, enrichment, until, url="linkedin.com/in/ada-lovelace")
    assert await streamed(client, audience) == {ada, bob}
    assert await suppress(client, "https://uk.linkedin.com/in/ADA-lovelace/") == 2
    assert await suppress(client, "linkedin.com/in/ada-lovelace") == 0
    assert await listed(client) == [f"in/{ADA_ID}", "in/ada-lovelace"]
    assert await streamed(client, audience) == {bob}
    assert (await get(client, audience)).progress.members == 2
    other = await create(client, "others")
    receipt = await import_bytes(client, FILE.encode(), audience=other, request_id="import-0002")
    assert (receipt.rows, receipt.added, receipt.suppressed) == (3, 1, 2)
    dry = await import_bytes(
        client, FILE.encode(), audience=other, request_id="dry-run-1", validate_only=True
    )
    assert (dry.already_there, dry.suppressed) == (1, 2)
    request = audiences_pb2.AddProspectsRequest(
        audience=other,
        profile_urls=["linkedin.com/in/dave-x", f"linkedin.com/in/{ADA_ID}"],
        prospects=[f"{PARENT}/prospects/{ada}"],
    )
    with pytest.raises(RpcFailed) as refused:
        await client.audiences.AddProspects(request)
    assert refused.value.reason == "PROSPECT_SUPPRESSED"
    fields = [each.field for each in refused.value.field_violations]
    assert fields == ["profile_urls[1]", "prospects[0]"]
    assert await unsuppress(client, ada) == 2
    assert await listed(client) == []
    assert await streamed(client, audience) == {ada, bob}


async def test_views_are_called_off_and_asked_for_again(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = f"{PARENT}/audiences/leads"
    _, bob = await enriched_ada(client, enrichment, until, url="linkedin.com/in/ada-lovelace")
    await suppress(client, "linkedin.com/in/bob-x")
    profile = f"{PARENT}/profiles/p0000{bob[-8:]}"

    async def withdrawn() -> bool:
        return enrichment.withdrawn == [profile]

    await until(withdrawn)
    enrichment.emit(
        enrichment=ENRICHMENT,
        prospect=bob,
        kind=events_pb2.EVENT_TYPE_PROFILE_WITHDRAWN,
        revision=2,
    )

    async def not_submitted() -> bool:
        return (await get(client, audience)).progress.not_submitted == 1

    await until(not_submitted)
    enrichment.submitted[ENRICHMENT].clear()
    # Who joins later is submitted, and the suppressed one is passed over.
    [carol] = await add(client, audience, "linkedin.com/in/carol-x")

    async def submitted(*people: str) -> bool:
        return list(enrichment.submitted[ENRICHMENT]) == list(people)

    await until(lambda: submitted(carol))
    await unsuppress(client, bob)
    await until(lambda: submitted(carol, bob))


async def test_a_view_that_shows_a_suppressed_person_suppresses_the_prospect(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    assert await suppress(client, "linkedin.com/in/ada-lovelace") == 1
    sales = "ACwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA01"
    ada, bob = await enriched_ada(
        client, enrichment, until, url=f"linkedin.com/sales/lead/{sales},NAME,x"
    )
    assert await streamed(client, f"{PARENT}/audiences/leads") == {bob}
    assert set(await listed(client)) == {f"in/{ADA_ID}", "in/ada-lovelace", f"in/{sales}"}
    person = await client.prospects.GetProspect(
        prospects_pb2.GetProspectRequest(name=f"{PARENT}/prospects/{ada}")
    )
    assert person.prospect.suppressed


async def test_who_turns_out_to_be_a_suppressed_prospect_leaves_and_is_not_viewed(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    leads = await create(client)
    # Of two who came together the one with the lower id survives.
    ada, countess = sorted(
        await add(client, leads, "linkedin.com/in/ada-x", "linkedin.com/in/countess-x")
    )
    others = await create(client, "others")
    await client.audiences.AddProspects(
        audiences_pb2.AddProspectsRequest(audience=others, prospects=[f"{PARENT}/prospects/{ada}"])
    )
    for audience in (leads, others):
        await start_enrichment(client, audience)

    async def progress(name: str) -> audiences_pb2.AudienceProgress:
        return (await get(client, name)).progress

    async def pending() -> bool:
        return ((await progress(leads)).pending, (await progress(others)).pending) == (2, 1)

    await until(pending)
    one = profiles_pb2.Profile(member_id="117649604", first_name="Ada")
    enrichment.emit(enrichment=ENRICHMENT, prospect=countess, data=one)

    async def viewed() -> bool:
        return (await progress(leads)).enriched == 1

    await until(viewed)
    await client.suppressions.SuppressProspects(
        suppressions_pb2.SuppressProspectsRequest(
            parent=PARENT, prospects=[f"{PARENT}/prospects/{countess}"]
        )
    )
    follower = client.audiences.StreamProspects(
        audiences_pb2.StreamProspectsRequest(audiences=[leads], follow=True), timeout=30
    )
    pages = aiter(follower)
    assert [each.prospect.name for each in (await anext(pages)).members] == [
        f"{PARENT}/prospects/{ada}"
    ]
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=one)
    left: dict[str, int] = {}
    while ada not in left:
        left |= {
            each.prospect.rpartition("/")[2]: each.reason
            for each in (await anext(pages)).departures
        }
    assert left[ada] == audiences_pb2.DEPARTURE_REASON_SUPPRESSED
    follower.cancel()
    assert await streamed(client, leads) == set()

    async def called_off() -> bool:
        return f"{PARENT}/profiles/p0000{ada[-8:]}" in enrichment.withdrawn

    await until(called_off)


async def test_an_erased_person_leaves_the_list(client: AudienceClient) -> None:
    audience = await create(client)
    [ada] = await add(client, audience, "linkedin.com/in/ada-lovelace")
    await suppress(client, "linkedin.com/in/ada-lovelace")
    await client.prospects.EraseProspect(
        prospects_pb2.EraseProspectRequest(name=f"{PARENT}/prospects/{ada}")
    )
    assert await listed(client) == []
    receipt = await import_bytes(client, FILE.encode(), audience=audience)
    assert (receipt.erased, receipt.suppressed) == (1, 0)


async def test_what_is_no_profile_is_refused(client: AudienceClient) -> None:
    with pytest.raises(RpcFailed) as refused:
        await suppress(client, "linkedin.com/in/ada-lovelace", "linkedin.com/company/acme")
    assert [each.field for each in refused.value.field_violations] == ["profile_urls[1]"]
    assert await listed(client) == []
