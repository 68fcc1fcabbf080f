"""Prospects are found by the beginning of a field, in any case and page by page."""

import pytest
from audience.v1 import prospects_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from audience_service.provenance import fold
from audience_service.sql.database import Database
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from tests.audience_service.calls import PARENT, create, import_bytes

NAMES = ["Łukasz", "łUKASZ", "Luke", "lukas", "Straße", "STRASSE", "Ada", "", "Lu"]
FILE = "\n".join(
    ["url,first name,company"]
    + [f"linkedin.com/in/person-{n},{name},Company {n % 2}" for n, name in enumerate(NAMES)]
).encode()


async def found(
    client: AudienceClient, field: str, prefix: str, *, size: int = 2
) -> list[prospects_pb2.Prospect]:
    people: list[prospects_pb2.Prospect] = []
    token = ""
    while True:
        page = await client.prospects.ListProspects(
            prospects_pb2.ListProspectsRequest(
                parent=PARENT,
                page_size=size,
                page_token=token,
                search=prospects_pb2.ProspectSearch(field=field, prefix=prefix),
            )
        )
        assert len(page.prospects) <= size
        people += page.prospects
        token = page.next_page_token
        if not token:
            return people


async def test_people_are_found_by_a_prefix_in_any_case(client: AudienceClient) -> None:
    await import_bytes(client, FILE, audience=await create(client))

    async def names(prefix: str) -> list[str]:
        return [each.first_name for each in await found(client, "first_name", prefix)]

    assert sorted(await names("łu")) == ["Łukasz", "łUKASZ"]
    assert await names("LU") == ["Lu", "lukas", "Luke"]
    assert sorted(await names("strasse")) == ["STRASSE", "Straße"]
    assert await names("z") == []
    assert len(await found(client, "company", "company 1")) == 4
    [ada] = await found(client, "first_name", "ada")
    await client.prospects.UpdateProspect(
        prospects_pb2.UpdateProspectRequest(
            prospect=prospects_pb2.Prospect(name=ada.name, first_name="Augusta"),
            update_mask=FieldMask(paths=["first_name"]),
        )
    )
    assert await names("ada") == []
    assert await names("august") == ["Augusta"]


async def test_a_page_token_of_another_search_is_refused(client: AudienceClient) -> None:
    await import_bytes(client, FILE, audience=await create(client))
    request = prospects_pb2.ListProspectsRequest(
        parent=PARENT,
        page_size=1,
        search=prospects_pb2.ProspectSearch(field="first_name", prefix="l"),
    )
    page = await client.prospects.ListProspects(request)
    request.page_token, request.search.prefix = page.next_page_token, "s"
    with pytest.raises(RpcFailed) as refused:
        await client.prospects.ListProspects(request)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


@given(text=st.text(st.characters(max_codepoint=127), max_size=120), cut=st.integers(0, 120))
def test_a_folded_text_begins_with_its_folded_beginning(text: str, cut: int) -> None:
    assert fold(text).startswith(fold(text[:cut].swapcase()))


async def test_a_search_uses_its_index(database: Database) -> None:
    where = (
        "SELECT * FROM prospects WHERE workspace = 'w' AND company_folded <> '' AND "
        "company_folded >= 'a' AND company_folded < 'b' ORDER BY company_folded, id LIMIT 5"
    )
    embedded = database.engine.dialect.name == "sqlite"
    async with database.engine.connect() as connection:
        if not embedded:
            # An empty table is cheaper to read whole.
            await connection.execute(text("SET enable_seqscan = off"))
        found = await connection.execute(
            text(f"EXPLAIN {'QUERY PLAN' if embedded else ''} {where}")
        )
        plan = "\n".join(str(row) for row in found)
    assert "prospects_by_company" in plan
    assert "sort" not in plan.lower()
    assert "b-tree" not in plan.lower()
