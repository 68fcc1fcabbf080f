"""The store: transactions that hand out the records."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.person_keys import PersonKeys
from audience_service.ports import Transaction
from audience_service.sql.audiences import SqlAudiences
from audience_service.sql.builds import SqlBuilds
from audience_service.sql.changes import SqlChanges
from audience_service.sql.database import Database
from audience_service.sql.erasures import SqlErasures
from audience_service.sql.imports import SqlImports
from audience_service.sql.members import SqlMembers
from audience_service.sql.prospects import SqlProspects
from audience_service.sql.snapshots import SqlSnapshots
from audience_service.sql.suppressions import SqlSuppressions
from audience_service.sql.work_schema import event_cursors

ResultT = TypeVar("ResultT")

_CONSUMER = "linking"


class SqlStore:
    """``ports.Store`` on a database."""

    def __init__(self, database: Database, *, keys: PersonKeys) -> None:
        self._database = database
        self._keys = keys

    async def read(self, work: Callable[[Transaction], Awaitable[ResultT]]) -> ResultT:
        return await self._database.read(
            lambda connection: work(SqlTransaction(connection, keys=self._keys))
        )

    async def write(
        self, workspaces: Sequence[str], work: Callable[[Transaction], Awaitable[ResultT]]
    ) -> ResultT:
        return await self._database.write(
            workspaces, lambda connection: work(SqlTransaction(connection, keys=self._keys))
        )


class SqlTransaction:
    """``ports.Transaction`` on a connection."""

    def __init__(self, connection: AsyncConnection, *, keys: PersonKeys) -> None:
        self.audiences = SqlAudiences(connection)
        self.builds = SqlBuilds(connection)
        self.prospects = SqlProspects(connection)
        self.suppressions = SqlSuppressions(connection)
        self.changes = SqlChanges(connection)
        self.members = SqlMembers(connection)
        self.imports = SqlImports(connection)
        self.erasures = SqlErasures(connection, keys=keys)
        self.log_position = SqlLogPosition(connection)
        self.snapshots = SqlSnapshots(connection)


class SqlLogPosition:
    """``log_records.LogPosition`` within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self) -> str:
        found = await self._connection.execute(
            select(event_cursors.c.cursor).where(event_cursors.c.consumer == _CONSUMER)
        )
        return found.scalar_one_or_none() or ""

    async def move(self, *, old: str, new: str) -> bool:
        if not old and not await self._exists():
            await self._connection.execute(
                insert(event_cursors), {"consumer": _CONSUMER, "cursor": new}
            )
            return True
        moved = await self._connection.execute(
            update(event_cursors)
            .where(event_cursors.c.consumer == _CONSUMER, event_cursors.c.cursor == old)
            .values(cursor=new)
        )
        return moved.rowcount == 1

    async def _exists(self) -> bool:
        found = await self._connection.execute(
            select(event_cursors.c.consumer).where(event_cursors.c.consumer == _CONSUMER)
        )
        return found.scalar_one_or_none() is not None
