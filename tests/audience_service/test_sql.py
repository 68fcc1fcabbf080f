"""The database: migrations, transactions that end, and workspaces kept apart."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Executable, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.audience_query import AudienceQuery
from audience_service.model import Audience
from audience_service.ports import Transaction
from audience_service.sql.database import Database
from audience_service.sql.migrate import migrate
from audience_service.sql.schema import audiences, memberships, metadata, prospects
from audience_service.sql.store import SqlStore
from tests.audience_service.tenancy import TenancyError


def audience(workspace: str = "acme", name: str = "leads") -> Audience:
    return Audience(workspace=workspace, id=name, create_ms=1, update_ms=1)


async def test_migrations_give_the_schema_and_may_run_again(empty_database: Database) -> None:
    # As two processes that start at once.
    await asyncio.gather(migrate(empty_database), migrate(empty_database))
    await migrate(empty_database)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with empty_database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_sqlite_is_set_up_to_lose_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'new.db'}")
    async with database.engine.connect() as connection:
        pragmas = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    await database.close()
    # WAL, FULL, on.
    assert pragmas == ["wal", 2, 1]


async def test_a_cancelled_caller_does_not_cut_a_transaction_short(sql: SqlStore) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work(tx: Transaction) -> None:
        await tx.audiences.insert(audience())
        begun.set()
        await go_on.wait()
        await tx.audiences.insert(audience(name="more"))

    caller = asyncio.create_task(sql.write(["acme"], work))
    await begun.wait()
    caller.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    found = await sql.read(
        lambda tx: tx.audiences.page("acme", AudienceQuery(), after=None, limit=10)
    )
    assert [each.id for each in found] == ["leads", "more"]


async def test_a_transaction_that_fails_leaves_nothing(sql: SqlStore) -> None:
    async def work(tx: Transaction) -> None:
        await tx.audiences.insert(audience())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await sql.write(["acme"], work)
    assert await sql.read(lambda tx: tx.audiences.get("acme", "leads")) is None


async def test_writers_take_seqs_that_only_grow(sql: SqlStore) -> None:
    async def take(count: int) -> range:
        first = await sql.write(["acme"], lambda tx: tx.audiences.take_seq("acme", count))
        return range(first, first + count)

    taken = await asyncio.gather(*(take(count) for count in (1, 5, 2, 7, 3)))
    assert sorted(number for each in taken for number in each) == list(range(1, 19))
    assert await sql.write(["other"], lambda tx: tx.audiences.take_seq("other", 1)) == 1


_ELSEWHERE = memberships.alias()


@pytest.mark.parametrize(
    "statement",
    [
        select(prospects).where(prospects.c.id == "x"),
        update(audiences).where(audiences.c.id == "x").values(display_name=""),
        select(memberships, prospects)
        .join(prospects, prospects.c.id == memberships.c.prospect)
        .where(memberships.c.workspace == "acme"),
        select(memberships).where(
            memberships.c.workspace == "acme",
            select(_ELSEWHERE).where(_ELSEWHERE.c.prospect == memberships.c.prospect).exists(),
        ),
    ],
    ids=["select", "update", "join", "subquery"],
)
async def test_a_statement_without_a_workspace_is_refused(
    database: Database, statement: Executable
) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(statement)

    with pytest.raises(TenancyError):
        await database.write(["acme"], work)


async def test_a_row_without_a_workspace_is_refused(database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(audiences), {"workspace": "", "id": "x"})

    with pytest.raises(TenancyError):
        await database.write(["acme"], work)


async def test_closing_waits_for_the_transactions_under_way(database: Database) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(select(audiences).where(audiences.c.workspace == "acme"))
        begun.set()
        await go_on.wait()

    writing = asyncio.create_task(database.write(["acme"], work))
    await begun.wait()
    closing = asyncio.create_task(database.close())
    # As when a server ends: nobody waits for the call any more.
    writing.cancel()
    await asyncio.wait([closing], timeout=0.2)
    assert not closing.done()
    go_on.set()
    await closing
    with pytest.raises(asyncio.CancelledError):
        await writing


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite:////nowhere/at/all/audience.db", "sqlite:///sync.db", "mysterydb://x"]
)
def test_a_database_that_cannot_be_used_ends_the_process_and_names_the_setting(url: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "audience_service"],
        env={**os.environ, "AUDIENCE_DATABASE_URL": url},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "\nAUDIENCE_DATABASE_URL: " in f"\n{ended.stderr}"
