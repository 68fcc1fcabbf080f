"""Erased people: their tombstones, and who has still to be erased in the enrichment service."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.model import PendingErasure
from audience_service.person_keys import PersonKeys
from audience_service.sql.audiences import EVERY_WORKSPACE
from audience_service.sql.database import Database
from audience_service.sql.dialect import one_of
from audience_service.sql.work_schema import erasure_keys, erasures, tombstones


class SqlErasures:
    """``work_records.ErasureRecords`` within one transaction."""

    def __init__(self, connection: AsyncConnection, *, keys: PersonKeys) -> None:
        self._connection = connection
        self._keys = keys

    async def erased_among(self, workspace: str, names: Iterable[str]) -> set[str]:
        if not await self._anybody(workspace):
            # Where nobody was erased no name has to be hashed.
            return set()
        by_key = {self._keys.of(workspace, name): name for name in names}
        if not by_key:
            return set()
        found = await self._connection.execute(
            select(tombstones.c.key).where(
                tombstones.c.workspace == workspace, one_of(tombstones.c.key, by_key)
            )
        )
        return {by_key[key] for key in found.scalars()}

    async def bury(self, workspace: str, names: Iterable[str], *, now_ms: int) -> None:
        wanted = set(names)
        new = wanted - await self.erased_among(workspace, wanted)
        if new:
            await self._connection.execute(
                insert(tombstones),
                [
                    {
                        "workspace": workspace,
                        "key": self._keys.of(workspace, name),
                        "create_ms": now_ms,
                    }
                    for name in sorted(new)
                ],
            )

    async def _anybody(self, workspace: str) -> bool:
        found = await self._connection.execute(
            select(tombstones.c.key).where(tombstones.c.workspace == workspace).limit(1)
        )
        return found.first() is not None

    async def add_pending(self, pending: Sequence[PendingErasure], *, now_ms: int) -> None:
        if pending:
            await self._connection.execute(
                insert(erasures),
                [
                    {
                        "workspace": each.workspace,
                        "id": each.id,
                        "identifiers": list(each.identifiers),
                        "create_ms": now_ms,
                    }
                    for each in pending
                ],
            )

    async def pending(self, *, limit: int) -> list[PendingErasure]:
        found = await self._connection.execute(
            select(erasures.c.workspace, erasures.c.id, erasures.c.identifiers)
            .order_by(erasures.c.create_ms, erasures.c.id)
            .limit(limit),
            execution_options=EVERY_WORKSPACE,
        )
        return [
            PendingErasure(workspace=row.workspace, id=row.id, identifiers=row.identifiers)
            for row in found
        ]

    async def drop_pending(self, workspace: str, erasure: str) -> None:
        await self._connection.execute(
            delete(erasures).where(erasures.c.workspace == workspace, erasures.c.id == erasure)
        )


async def key_is_known(database: Database, keys: PersonKeys) -> bool:
    """False when people were erased under another secret: they would all come back.

    The first secret that a database sees is its own for good.
    """

    async def work(connection: AsyncConnection) -> bool:
        found = await connection.execute(select(erasure_keys.c.fingerprint))
        known = found.scalar_one_or_none()
        if known is None:
            await connection.execute(insert(erasure_keys), {"fingerprint": keys.fingerprint()})
            return True
        return bool(known == keys.fingerprint())

    return await database.write([_EVERYBODY], work)


# What several processes that start at once wait for, instead of a workspace.
_EVERYBODY = ""
