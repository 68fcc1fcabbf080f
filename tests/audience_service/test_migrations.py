"""Databases of every earlier version come up to date, with what is in them."""

from collections.abc import Mapping

import pytest
from sqlalchemy import insert, table
from sqlalchemy.sql.expression import column

from audience_service.audience_query import AudienceField, AudienceQuery
from audience_service.model import Audience, Membership, Prospect
from audience_service.person_keys import PersonKeys
from audience_service.ports import Transaction
from audience_service.sql.database import Database
from audience_service.sql.migrate import migrate
from audience_service.sql.store import SqlStore
from tests.audience_service.rows import AUDIENCE, MEMBERSHIP, PROSPECT

GONE: Mapping[str, object] = {
    "id": "gone",
    "enrichment_wanted": True,
    "enrichment_created": True,
    "last_seq": 9,
    "submitted_seq": 4,
    "delete_ms": 5,
}
ENDING: Mapping[str, object] = {
    "purge_ms": 5 + 30 * 86_400_000,
    "ending": True,
    "submitted_seq": 9,
}


@pytest.mark.parametrize(
    "version", ["0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009"]
)
async def test_what_an_earlier_version_kept_is_there(
    empty_database: Database, version: str
) -> None:
    await migrate(empty_database, to=version)
    folded = {"first_name_folded": "ada"} if version >= "0004" else {}
    purged = dict(ENDING) if version >= "0007" else {}
    async with empty_database.engine.begin() as connection:
        for name, values in (
            ("audiences", AUDIENCE),
            ("audiences", {**AUDIENCE, **GONE, **purged}),
            ("prospects", {**PROSPECT, **folded}),
            ("memberships", MEMBERSHIP),
        ):
            into = table(name, *(column(each) for each in values))
            await connection.execute(insert(into), [dict(values)])
    await migrate(empty_database)
    store = SqlStore(empty_database, keys=PersonKeys(b"a secret of the tests"))

    async def look(tx: Transaction) -> tuple[Audience | None, list[Membership], list[Prospect]]:
        return (
            await tx.audiences.get("acme", "leads"),
            await tx.members.page("acme", "leads", after=0, limit=10),
            await tx.prospects.search(
                "acme", field="first_name", prefix="ad", after=None, limit=10
            ),
        )

    audience, members, found = await store.read(look)
    assert audience is not None
    assert not audience.building
    assert (audience.labels, audience.ending) == ({}, False)
    everything = AudienceQuery(order=AudienceField.DISPLAY_NAME, show_deleted=True)
    [gone, leads] = await store.read(
        lambda tx: tx.audiences.page("acme", everything, after=None, limit=10)
    )
    assert leads == audience
    # Its enrichment is cancelled, and its members are taken back, before it is purged.
    assert gone.purge_ms == 5 + 30 * 86_400_000
    assert (gone.ending, gone.submitted_seq) == (True, 9)
    assert [each.prospect for each in members] == [each.id for each in found] == ["p0000001"]
