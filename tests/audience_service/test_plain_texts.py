"""Texts that callers send are refused, and texts of files and profiles cleaned, on every database.

Of what would change the text around it: control characters and marks of its direction.
"""

from collections.abc import Awaitable

import pytest
from audience.v1 import audiences_pb2, prospects_pb2
from enrichment.v1 import profiles_pb2

from audience_service.provenance import kept_text
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from tests.audience_service.calls import PARENT, create, get, import_bytes, members, prospect
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub
from tests.audience_service.submitted import ENRICHMENT, submitted

HARMFUL = ["\0", "\n", "\x85", "\u202e", "\u2066"]


async def refused_field(call: Awaitable[object]) -> str:
    with pytest.raises(RpcFailed) as refused:
        await call
    (violation,) = refused.value.field_violations
    assert "take out" in violation.description
    return violation.field


@pytest.mark.parametrize("character", HARMFUL, ids=ascii)
async def test_requests_that_hold_them_are_refused_and_change_nothing(
    client: AudienceClient, character: str
) -> None:
    text = f"Ada{character}"
    leads, others = await create(client), await create(client, "others")
    await import_bytes(client, b"url\nlinkedin.com/in/ada-x\n", audience=leads)
    [member] = await members(client, leads)
    before = (await get(client, leads), member)
    for audience, field in (
        (audiences_pb2.Audience(display_name=text), "audience.display_name"),
        (audiences_pb2.Audience(labels={"team": text}), "audience.labels[...]"),
    ):
        new = audiences_pb2.CreateAudienceRequest(parent=PARENT, audience=audience)
        assert await refused_field(client.audiences.CreateAudience(new)) == field
        combined = audiences_pb2.CombineAudiencesRequest(
            parent=PARENT,
            audience=audience,
            operation=audiences_pb2.SET_OPERATION_UNION,
            sources=[leads, others],
        )
        assert await refused_field(client.audiences.CombineAudiences(combined)) == field
        audience.name = leads
        change = audiences_pb2.UpdateAudienceRequest(audience=audience)
        assert await refused_field(client.audiences.UpdateAudience(change)) == field
    edit = prospects_pb2.UpdateProspectRequest(
        prospect=prospects_pb2.Prospect(name=member.prospect.name, first_name=text)
    )
    assert await refused_field(client.prospects.UpdateProspect(edit)) == "prospect.first_name"
    find = prospects_pb2.ListProspectsRequest(
        parent=PARENT, search=prospects_pb2.ProspectSearch(field="first_name", prefix=text)
    )
    assert await refused_field(client.prospects.ListProspects(find)) == "search.prefix"
    known = await client.audiences.ListAudiences(audiences_pb2.ListAudiencesRequest(parent=PARENT))
    assert [each.name for each in known.audiences] == [leads, others]
    assert (await get(client, leads), *await members(client, leads)) == before


async def test_nul_is_refused_wherever_a_request_reaches_the_database(
    client: AudienceClient,
) -> None:
    new = audiences_pb2.CreateAudienceRequest(parent=PARENT, request_id="again\0")
    assert await refused_field(client.audiences.CreateAudience(new)) == "request_id"
    described = audiences_pb2.CreateAudienceRequest(
        parent=PARENT, audience=audiences_pb2.Audience(description="of\0Berlin")
    )
    assert await refused_field(client.audiences.CreateAudience(described)) == "audience.description"
    find = audiences_pb2.ListAudiencesRequest(parent=PARENT, filter='display_name = "a\0"')
    assert await refused_field(client.audiences.ListAudiences(find)) == "filter"


async def test_a_description_keeps_its_lines(client: AudienceClient) -> None:
    text = "Founders\r\n\tin Berlin\n"
    answer = await client.audiences.CreateAudience(
        audiences_pb2.CreateAudienceRequest(
            parent=PARENT, audience=audiences_pb2.Audience(description=text)
        )
    )
    assert answer.audience.description == text


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ("Ada\0", "Ada"),
        ("Ada\r\n\tLovelace\n", "Ada Lovelace"),
        ("Ada\x85Lovelace\u2028", "Ada Lovelace"),
        ("\u202eAda\u202c Love\u2066lace\u2069", "Ada Lovelace"),
        (" Zoë d’Été ", "Zoë d’Été"),
        ("👩\u200d💻 نور\u200f", "👩\u200d💻 نور\u200f"),
    ],
    ids=ascii,
)
def test_found_texts_become_one_line(found: str, kept: str) -> None:
    assert kept_text(found) == kept


async def test_files_and_profiles_are_never_refused_for_them(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    file = 'url,first name,company\nlinkedin.com/in/bob-x,\u202eBob\u202c,"Two\nLines\x85Ltd"\n'
    [ada] = await submitted(client, enrichment, until, "linkedin.com/in/ada-x")
    leads = f"{PARENT}/audiences/leads"
    receipt = await import_bytes(client, file.encode(), audience=leads)
    assert receipt.added == 1
    [bob] = [
        each.prospect for each in await members(client, leads) if "bob" in each.prospect.profile_url
    ]
    assert (bob.first_name, bob.company) == ("Bob", "Two Lines Ltd")
    profile = profiles_pb2.Profile(public_identifier="ada-x", headline="\u2067Countess\nof\0 code")
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=profile)

    async def linked() -> bool:
        return bool((await prospect(client, ada)).headline)

    await until(linked)
    assert (await prospect(client, ada)).headline == "Countess of code"
