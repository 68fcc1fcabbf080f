"""Thousands of rows at once come back as they were, whatever is in them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from audience_service.model import FieldSource, Prospect, Provenance
from audience_service.ports import Transaction
from audience_service.sql.database import Database
from audience_service.sql.schema import prospects
from audience_service.sql.store import SqlStore
from clients.audience import AudienceClient
from servicekit.errors import ServiceError
from tests.audience_service.calls import create, import_bytes

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(texts=st.lists(TEXTS, min_size=1, max_size=40))
async def test_texts_survive(sql: SqlStore, database: Database, texts: list[str]) -> None:
    people = [
        Prospect(
            workspace="acme",
            id=f"p{number:07d}",
            primary_alias=f"in:{number}",
            fields={"headline": text} if (text := texts[number % len(texts)]) else {},
            provenance={"headline": Provenance(FieldSource.IMPORT, number)} if text else {},
            enrich_ms=number or None,
            create_ms=number,
            update_ms=number,
        )
        for number in range(250)
    ]

    async def work(tx: Transaction) -> dict[str, Prospect]:
        await tx.prospects.insert(people)
        return await tx.prospects.get_many("acme", [each.id for each in people])

    found = await sql.write(["acme"], work)
    assert [found[each.id] for each in people] == people
    await database.write(
        ["acme"],
        lambda connection: connection.execute(
            delete(prospects).where(prospects.c.workspace == "acme")
        ),
    )


async def test_control_characters_of_a_file_do_no_harm(client: AudienceClient) -> None:
    audience = await create(client)
    rows = [f"linkedin.com/in/person-{n},A\\\\d\x0ba\t\\N,C\x01{n}" for n in range(300)]
    file = "\n".join(["url,first name,company", *rows]).encode()
    assert (await import_bytes(client, file, audience=audience)).added == 300


async def test_a_text_that_the_database_cannot_keep_is_refused(
    sql: SqlStore, database_url: str
) -> None:
    search = sql.read(
        lambda tx: tx.prospects.search(
            "acme", field="first_name", prefix="bo\0", after=None, limit=1
        )
    )
    if database_url.startswith("sqlite"):
        assert not await search
        return
    with pytest.raises(ServiceError) as refused:
        await search
    assert refused.value.reason == "TEXT_INVALID"
