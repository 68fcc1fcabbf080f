"""Looking up a few in a large workspace reads a few rows, whatever PostgreSQL's planner knows."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.person_keys import PersonKeys
from audience_service.sql.database import Database
from audience_service.sql.erasures import SqlErasures
from audience_service.sql.members import SqlMembers
from audience_service.sql.migrate import migrate
from audience_service.sql.prospects import SqlProspects
from audience_service.sql.suppressions import SqlSuppressions
from tests.audience_service.rows import AUDIENCE, MEMBERSHIP, PROSPECT
from tests.support.postgres import Postgres, new_database

PEOPLE = 20_000
ASKED = 10
# Of the table that is looked into and of the one that is joined to it.
MOST_ROWS = 4 * ASKED

IDS = [f"p{number:07}" for number in range(0, PEOPLE, PEOPLE // ASKED)]
NAMES = [f"in:{each}" for each in IDS]
KEYS = PersonKeys(b"a secret of the tests")

LookUp = Callable[[AsyncConnection], Awaitable[object]]

LOOK_UPS: dict[str, LookUp] = {
    "prospects": lambda to: SqlProspects(to).get_many("acme", IDS),
    "names": lambda to: SqlProspects(to).by_aliases("acme", NAMES),
    "names of prospects": lambda to: SqlProspects(to).aliases_of("acme", IDS),
    "suppressed prospects": lambda to: SqlProspects(to).suppressed_among("acme", IDS),
    "suppressed names": lambda to: SqlSuppressions(to).among("acme", NAMES),
    "erased names": lambda to: SqlErasures(to, keys=KEYS).erased_among("acme", NAMES),
    "imports that met members": lambda to: SqlMembers(to).last_imports("acme", "leads", IDS),
    "degrees of members": lambda to: SqlMembers(to).degrees("acme", "leads", IDS),
    "memberships of people": lambda to: SqlMembers(to).of_prospects("acme", IDS),
    "members of profiles": lambda to: SqlMembers(to).of_profiles("acme", "leads", IDS),
    "a page of members": lambda to: SqlMembers(to).page("acme", "leads", after=0, limit=ASKED),
    "a page of a stream": lambda to: SqlMembers(to).stream_page(
        "acme", ["leads"], excluded=["others"], after=0, limit=ASKED
    ),
}


@pytest.fixture
async def large(postgres: Postgres) -> AsyncIterator[Database]:
    """A workspace of 20,000 people in one audience that the planner takes for an empty one."""
    database = Database(new_database(postgres))
    try:
        await migrate(database)
        await _fill(database)
        yield database
    finally:
        await database.close()


async def _fill(database: Database) -> None:
    async with database.engine.begin() as connection:
        for table in ("prospects", "aliases", "memberships", "suppressions", "tombstones"):
            await connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
        await connection.execute(_insert("audiences", dict(AUDIENCE)))
        person = "'p' || lpad(n::text, 7, '0')"
        for table, row, computed in (
            ("prospects", PROSPECT, {"id": person, "provenance": "'{}'::json"}),
            ("memberships", MEMBERSHIP, {"prospect": person, "profile": person, "seq": "n + 1"}),
            (
                "aliases",
                {"workspace": "acme"},
                {"alias": f"'in:' || {person}", "prospect": person},
            ),
            (
                "suppressions",
                {"workspace": "acme", "create_ms": 1},
                {"alias": f"'in:other' || {person}"},
            ),
            ("tombstones", {"workspace": "acme", "create_ms": 1}, {"key": person}),
        ):
            await connection.execute(_insert(table, dict(row), computed))


@pytest.mark.parametrize("look_up", LOOK_UPS.values(), ids=LOOK_UPS.keys())
async def test_a_look_up_reads_what_it_finds(large: Database, look_up: LookUp) -> None:
    async def work(connection: AsyncConnection) -> int:
        before = await _rows_read(connection)
        await look_up(connection)
        return await _rows_read(connection) - before

    assert await large.read(work) <= MOST_ROWS


def _insert(
    table: str, row: dict[str, object], computed: dict[str, str] | None = None
) -> TextClause:
    """An insert of one row, or of as many as there are people with what is computed from ``n``."""
    given = {name: value for name, value in row.items() if name not in (computed or {})}
    columns = [*given, *(computed or {})]
    values = [*(f":{name}" for name in given), *(computed or {}).values()]
    numbers = f" FROM generate_series(0, {PEOPLE - 1}) AS n" if computed else ""
    into = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}{numbers}"
    return text(into).bindparams(**given)


async def _rows_read(connection: AsyncConnection) -> int:
    """Rows of all tables that this transaction has read, by an index or without one."""
    found = await connection.execute(
        text(
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint "
            "FROM pg_stat_xact_user_tables"
        )
    )
    return int(found.scalar_one())
