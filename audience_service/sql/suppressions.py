"""The suppression list."""

from collections.abc import Iterable

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.prospect_records import Suppression
from audience_service.sql.dialect import one_of
from audience_service.sql.schema import suppressions


class SqlSuppressions:
    """``prospect_records.SuppressionRecords`` within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def among(self, workspace: str, aliases: Iterable[str]) -> set[str]:
        found = await self._connection.execute(
            select(suppressions.c.alias).where(
                suppressions.c.workspace == workspace, one_of(suppressions.c.alias, aliases)
            )
        )
        return set(found.scalars())

    async def add(self, workspace: str, aliases: Iterable[str], *, now_ms: int) -> int:
        wanted = set(aliases)
        new = sorted(wanted - await self.among(workspace, wanted))
        if new:
            await self._connection.execute(
                insert(suppressions),
                [{"workspace": workspace, "alias": each, "create_ms": now_ms} for each in new],
            )
        return len(new)

    async def drop(self, workspace: str, aliases: Iterable[str]) -> int:
        dropped = await self._connection.execute(
            delete(suppressions).where(
                suppressions.c.workspace == workspace, one_of(suppressions.c.alias, aliases)
            )
        )
        return dropped.rowcount

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Suppression]:
        found = await self._connection.execute(
            select(suppressions.c.alias, suppressions.c.create_ms)
            .where(suppressions.c.workspace == workspace, suppressions.c.alias > after)
            .order_by(suppressions.c.alias)
            .limit(limit)
        )
        return [Suppression(row.alias, row.create_ms) for row in found]
