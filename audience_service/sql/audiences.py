"""Audiences, their counters and the workspace's counter of seqs."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Table,
    and_,
    delete,
    exists,
    insert,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.audience_query import AudienceQuery, Place
from audience_service.model import Audience, Counters
from audience_service.provenance import fold
from audience_service.sql.audience_lists import list_query
from audience_service.sql.dialect import one_of
from audience_service.sql.schema import audience_labels, audiences, workspaces
from audience_service.sql.work_schema import request_ids, withdrawals

_COUNTERS = ("members", "pending", "enriched", "cached", "partial", "failed")
_SETTINGS = (
    "display_name",
    "description",
    "account",
    "submitted_seq",
    "enrichment_id",
    "enrichment_wanted",
    "enrichment_created",
    "enrichment_paused",
    "pause_applied",
    "revision",
    "update_ms",
    "delete_ms",
    "purge_ms",
    "ending",
    "building",
)
# Marks statements that serve all workspaces: the work of the service itself, never a caller's.
EVERY_WORKSPACE = {"audience_every_workspace": True}


class SqlAudiences:
    """``audience_records.AudienceRecords`` within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, workspace: str, audience: str) -> Audience | None:
        found = await self._connection.execute(
            select(audiences).where(audiences.c.workspace == workspace, audiences.c.id == audience)
        )
        row = found.one_or_none()
        return _audience(row) if row else None

    async def page(
        self, workspace: str, query: AudienceQuery, *, after: Place | None, limit: int
    ) -> list[Audience]:
        found = await self._connection.execute(
            list_query(workspace, query, after=after, limit=limit)
        )
        return [_audience(row) for row in found]

    async def insert(self, audience: Audience) -> None:
        values = (
            _settings(audience)
            | dict.fromkeys(_COUNTERS, 0)
            | {
                "workspace": audience.workspace,
                "id": audience.id,
                "last_seq": 0,
                "create_ms": audience.create_ms,
            }
        )
        await self._connection.execute(insert(audiences), values)
        if audience.labels:
            await self.set_labels(audience.workspace, audience.id, audience.labels)

    async def update(self, audience: Audience) -> None:
        await self._connection.execute(
            update(audiences)
            .where(audiences.c.workspace == audience.workspace, audiences.c.id == audience.id)
            .values(_settings(audience))
        )

    async def set_labels(self, workspace: str, audience: str, labels: Mapping[str, str]) -> None:
        await self._connection.execute(
            update(audiences)
            .where(audiences.c.workspace == workspace, audiences.c.id == audience)
            .values(labels=dict(labels))
        )
        await self._drop(audience_labels, audience_labels.c.audience, workspace, audience)
        rows = [
            {"workspace": workspace, "key": key, "value": value, "audience": audience}
            for key, value in labels.items()
        ]
        if rows:
            await self._connection.execute(insert(audience_labels), rows)

    async def to_purge(self, *, now_ms: int) -> list[tuple[str, str]]:
        found = await self._connection.execute(
            select(audiences.c.workspace, audiences.c.id).where(
                # Spelt out, or the index of those alone is not used.
                audiences.c.purge_ms.is_not(None),
                audiences.c.purge_ms <= now_ms,
                not_(audiences.c.ending),
            ),
            execution_options=EVERY_WORKSPACE,
        )
        return [(row.workspace, row.id) for row in found]

    async def delete(self, workspace: str, audience: str) -> None:
        await self._drop(audience_labels, audience_labels.c.audience, workspace, audience)
        await self._drop(withdrawals, withdrawals.c.audience, workspace, audience)
        await self._drop(request_ids, request_ids.c.resource, workspace, audience)
        await self._drop(audiences, audiences.c.id, workspace, audience)

    async def _drop(
        self, table: Table, column: ColumnElement[str], workspace: str, audience: str
    ) -> None:
        await self._connection.execute(
            delete(table).where(table.c.workspace == workspace, column == audience)
        )

    async def count(
        self, workspace: str, audience: str, changes: Mapping[str, int], *, last_seq: int = 0
    ) -> None:
        values: dict[str, Any] = {
            name: audiences.c[name] + change for name, change in changes.items() if change
        }
        if last_seq:
            values["last_seq"] = last_seq
        if values:
            await self._connection.execute(
                update(audiences)
                .where(audiences.c.workspace == workspace, audiences.c.id == audience)
                .values(values)
            )

    async def by_enrichment(self, workspace: str, enrichments: Iterable[str]) -> dict[str, str]:
        found = await self._connection.execute(
            select(audiences.c.enrichment_id, audiences.c.id).where(
                audiences.c.workspace == workspace,
                one_of(audiences.c.enrichment_id, enrichments),
                audiences.c.delete_ms.is_(None),
                not_(audiences.c.ending),
            )
        )
        return {row.enrichment_id: row.id for row in found}

    async def to_submit(self) -> list[tuple[str, str]]:
        wanted = and_(
            audiences.c.delete_ms.is_(None),
            audiences.c.enrichment_wanted.is_(true()),
            or_(
                audiences.c.last_seq > audiences.c.submitted_seq,
                not_(audiences.c.enrichment_created),
                audiences.c.enrichment_paused != audiences.c.pause_applied,
                exists().where(
                    withdrawals.c.workspace == audiences.c.workspace,
                    withdrawals.c.audience == audiences.c.id,
                ),
            ),
        )
        found = await self._connection.execute(
            select(audiences.c.workspace, audiences.c.id)
            .where(or_(wanted, audiences.c.ending))
            .order_by(audiences.c.workspace, audiences.c.id),
            execution_options=EVERY_WORKSPACE,
        )
        return [(row.workspace, row.id) for row in found]

    async def take_seq(self, workspace: str, count: int) -> int:
        found = await self._connection.execute(
            update(workspaces)
            .where(workspaces.c.workspace == workspace)
            .values(last_seq=workspaces.c.last_seq + count)
            .returning(workspaces.c.last_seq)
        )
        last = found.scalar_one_or_none()
        if last is None:
            # Only one writer of the workspace is in here: nobody else inserts it meanwhile.
            await self._connection.execute(
                insert(workspaces), {"workspace": workspace, "last_seq": count}
            )
            last = count
        return int(last) - count + 1

    async def remember_request(
        self, workspace: str, request_id: str, *, fingerprint: str, resource: str, now_ms: int
    ) -> None:
        await self._connection.execute(
            insert(request_ids),
            {
                "workspace": workspace,
                "request_id": request_id,
                "fingerprint": fingerprint,
                "resource": resource,
                "create_ms": now_ms,
            },
        )

    async def recall_request(self, workspace: str, request_id: str) -> tuple[str, str] | None:
        found = await self._connection.execute(
            select(request_ids.c.fingerprint, request_ids.c.resource).where(
                request_ids.c.workspace == workspace, request_ids.c.request_id == request_id
            )
        )
        row = found.one_or_none()
        return (row.fingerprint, row.resource) if row else None


def _settings(audience: Audience) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(audience, name) for name in _SETTINGS}
    return values | {"display_name_folded": fold(audience.display_name)}


def _audience(row: Row[Any]) -> Audience:
    values = dict(row._mapping)
    del values["display_name_folded"]
    counters = Counters(**{name: values.pop(name) for name in _COUNTERS})
    return Audience(counters=counters, **values)
