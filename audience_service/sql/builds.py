"""Builds: audiences put together of others, within the database."""

from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.model import Build, MemberState, SetOperation
from audience_service.sql.audiences import EVERY_WORKSPACE
from audience_service.sql.dialect import one_of
from audience_service.sql.schema import memberships
from audience_service.sql.work_schema import builds


class SqlBuilds:
    """``work_records.BuildRecords`` within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, build: Build) -> None:
        await self._connection.execute(
            insert(builds),
            {
                "workspace": build.workspace,
                "audience": build.audience,
                "operation": build.operation.value,
                "sources": list(build.sources),
                "position": build.position,
                "after": build.after,
            },
        )

    async def get(self, workspace: str, audience: str) -> Build | None:
        found = await self._connection.execute(
            select(builds).where(builds.c.workspace == workspace, builds.c.audience == audience)
        )
        row = found.one_or_none()
        return _build(row) if row else None

    async def move(self, build: Build) -> None:
        await self._connection.execute(
            update(builds)
            .where(builds.c.workspace == build.workspace, builds.c.audience == build.audience)
            .values(position=build.position, after=build.after)
        )

    async def drop(self, workspace: str, audience: str) -> None:
        await self._connection.execute(
            delete(builds).where(builds.c.workspace == workspace, builds.c.audience == audience)
        )

    async def of_workspace(self, workspace: str) -> list[Build]:
        found = await self._connection.execute(
            select(builds).where(builds.c.workspace == workspace)
        )
        return [_build(row) for row in found]

    async def unfinished(self) -> list[tuple[str, str]]:
        found = await self._connection.execute(
            select(builds.c.workspace, builds.c.audience).order_by(
                builds.c.workspace, builds.c.audience
            ),
            execution_options=EVERY_WORKSPACE,
        )
        return [(row.workspace, row.audience) for row in found]

    async def reach(self, build: Build, *, limit: int) -> int | None:
        page = (
            select(memberships.c.seq)
            .where(*_unseen(build))
            .order_by(memberships.c.seq)
            .limit(limit)
            .subquery()
        )
        found = await self._connection.execute(select(func.max(page.c.seq)))
        reached: int | None = found.scalar_one()
        return reached

    async def copy(self, build: Build, *, up_to: int, first_seq: int, now_ms: int) -> int:
        position = func.row_number().over(order_by=memberships.c.seq)
        values: dict[str, ColumnElement[Any]] = {
            "workspace": memberships.c.workspace,
            "audience": literal(build.audience),
            "prospect": memberships.c.prospect,
            "seq": position + (first_seq - 1),
            "state": literal(MemberState.NOT_SUBMITTED.value),
            "degree": literal(0),
            "join_ms": literal(now_ms),
            "last_import": literal(0),
            "profile": literal(""),
            "event_revision": literal(0),
        }
        members = select(*values.values()).where(
            *_unseen(build),
            memberships.c.seq <= up_to,
            ~_is_in(build.audience),
            *_belongs(build),
        )
        joined = await self._connection.execute(
            insert(memberships).from_select(list(values), members),
            # SQLAlchemy counts the rows of an INSERT only when it is told to.
            execution_options={"preserve_rowcount": True},
        )
        return joined.rowcount


def _build(row: Row[Any]) -> Build:
    values = dict(row._mapping)
    return Build(operation=SetOperation(values.pop("operation")), **values)


def _unseen(build: Build) -> tuple[ColumnElement[bool], ...]:
    return (
        memberships.c.workspace == build.workspace,
        memberships.c.audience == build.sources[build.position],
        memberships.c.seq > build.after,
    )


def _belongs(build: Build) -> list[ColumnElement[bool]]:
    others = list(dict.fromkeys(build.sources[1:]))
    if build.operation is SetOperation.INTERSECTION:
        return [_is_in(each) for each in others]
    if build.operation is SetOperation.DIFFERENCE:
        return [~_is_in(*others)]
    return []


def _is_in(*audiences: str) -> ColumnElement[bool]:
    """Whether the member is in one of these audiences, too.

    A value, not EXISTS: PostgreSQL would make a join of that, and read the whole of a big audience
    for each part; a value is looked up by the index for each member.
    """
    elsewhere = memberships.alias()
    return (
        select(elsewhere.c.seq)
        .where(
            elsewhere.c.workspace == memberships.c.workspace,
            elsewhere.c.prospect == memberships.c.prospect,
            one_of(elsewhere.c.audience, audiences),
        )
        .correlate(memberships)
        .limit(1)
        .scalar_subquery()
        .is_not(None)
    )
