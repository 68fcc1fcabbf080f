"""Imports: their state, the staged file, and what became of the rows."""

from array import array
from collections.abc import Sequence
from dataclasses import fields
from sys import byteorder
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.import_model import Import, ImportPhase, ImportRow, RowClass, RowCounts
from audience_service.sql.audiences import EVERY_WORKSPACE
from audience_service.sql.work_schema import import_batches, import_chunks, imports

_COUNTS = tuple(each.name for each in fields(RowCounts))


class SqlImports:
    """``work_records.ImportRecords`` within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, workspace: str, request_id: str) -> Import | None:
        found = await self._connection.execute(
            select(imports).where(
                imports.c.workspace == workspace, imports.c.request_id == request_id
            )
        )
        row = found.one_or_none()
        return _import(row) if row else None

    async def insert(self, job: Import) -> None:
        await self._connection.execute(insert(imports), _values(job))

    async def update(self, job: Import) -> None:
        await self._connection.execute(
            update(imports)
            .where(imports.c.workspace == job.workspace, imports.c.request_id == job.request_id)
            .values(_values(job))
        )

    async def stage(self, job: Import, *, position: int, data: bytes) -> None:
        await self._connection.execute(
            insert(import_chunks),
            {
                "workspace": job.workspace,
                "request_id": job.request_id,
                "position": position,
                "data": data,
            },
        )

    async def chunk(self, workspace: str, request_id: str, *, position: int) -> bytes | None:
        found = await self._connection.execute(
            select(import_chunks.c.data).where(
                import_chunks.c.workspace == workspace,
                import_chunks.c.request_id == request_id,
                import_chunks.c.position == position,
            )
        )
        return found.scalar_one_or_none()

    async def drop_chunks(self, workspace: str, request_id: str) -> None:
        await self._connection.execute(
            delete(import_chunks).where(
                import_chunks.c.workspace == workspace,
                import_chunks.c.request_id == request_id,
            )
        )

    async def add_batch(self, job: Import, *, first_row: int, rows: Sequence[ImportRow]) -> None:
        numbers = array("I", [row.number for row in rows])
        if byteorder != "little":
            numbers.byteswap()
        await self._connection.execute(
            insert(import_batches),
            {
                "workspace": job.workspace,
                "request_id": job.request_id,
                "first_row": first_row,
                "classes": bytes(row.row_class for row in rows),
                "numbers": numbers.tobytes(),
                "reasons": {str(i): row.reason for i, row in enumerate(rows) if row.reason},
            },
        )

    async def drop_rows(self, workspace: str, request_id: str) -> None:
        await self._connection.execute(
            delete(import_batches).where(
                import_batches.c.workspace == workspace,
                import_batches.c.request_id == request_id,
            )
        )

    async def rows(
        self,
        workspace: str,
        request_id: str,
        *,
        classes: frozenset[RowClass],
        after: int,
        limit: int,
    ) -> list[ImportRow]:
        listed: list[ImportRow] = []
        first_row = -1
        # A batch at a time: what is asked for may stand in any of them.
        while len(listed) < limit:
            found = await self._connection.execute(
                select(import_batches)
                .where(
                    import_batches.c.workspace == workspace,
                    import_batches.c.request_id == request_id,
                    import_batches.c.first_row > first_row,
                )
                .order_by(import_batches.c.first_row)
                .limit(1)
            )
            batch = found.one_or_none()
            if batch is None:
                break
            first_row = batch.first_row
            listed += _listed(batch, classes=classes, after=after)
        return listed[:limit]

    async def one_of_audience(self, workspace: str, audience: str) -> str | None:
        found = await self._connection.execute(
            select(imports.c.request_id)
            .where(imports.c.workspace == workspace, imports.c.audience == audience)
            .limit(1)
        )
        return found.scalar_one_or_none()

    async def delete(self, workspace: str, request_id: str, *, limit: int) -> bool:
        for table, position in (
            (import_chunks, import_chunks.c.position),
            (import_batches, import_batches.c.first_row),
        ):
            ours = table.c.workspace == workspace, table.c.request_id == request_id
            some = select(position).where(*ours).order_by(position).limit(limit)
            deleted = await self._connection.execute(delete(table).where(*ours, position.in_(some)))
            if deleted.rowcount:
                return True
        await self._connection.execute(
            delete(imports).where(
                imports.c.workspace == workspace, imports.c.request_id == request_id
            )
        )
        return False

    async def unfinished(self) -> list[tuple[str, str]]:
        return await self._keys(
            imports.c.phase.in_([ImportPhase.CHECKING.value, ImportPhase.APPLYING.value])
        )

    async def abandoned(self, *, before_ms: int) -> list[tuple[str, str]]:
        return await self._keys(
            (imports.c.phase == ImportPhase.RECEIVING.value) & (imports.c.create_ms < before_ms)
        )

    async def _keys(self, condition: Any) -> list[tuple[str, str]]:
        found = await self._connection.execute(
            select(imports.c.workspace, imports.c.request_id)
            .where(condition)
            .order_by(imports.c.create_ms),
            execution_options=EVERY_WORKSPACE,
        )
        return [(row.workspace, row.request_id) for row in found]


def _listed(batch: Row[Any], *, classes: frozenset[RowClass], after: int) -> list[ImportRow]:
    numbers = array("I", batch.numbers)
    if byteorder != "little":
        numbers.byteswap()
    return [
        ImportRow(number, RowClass(code), batch.reasons.get(str(index), ""))
        for index, (number, code) in enumerate(zip(numbers, batch.classes, strict=True))
        if number > after and code in classes
    ]


def _values(job: Import) -> dict[str, Any]:
    values = {each.name: getattr(job, each.name) for each in fields(job)}
    values |= {name: getattr(job.counts, name) for name in _COUNTS}
    values["phase"] = job.phase.value
    del values["counts"]
    return values


def _import(row: Row[Any]) -> Import:
    values = dict(row._mapping)
    counts = RowCounts(**{name: values.pop(name) for name in _COUNTS})
    return Import(phase=ImportPhase(values.pop("phase")), counts=counts, **values)
