"""What changes in audiences, for those who follow them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Exists,
    FromClause,
    Select,
    exists,
    insert,
    literal,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.model import Departure, DepartureReason, Membership
from audience_service.sql.audiences import SqlAudiences
from audience_service.sql.dialect import one_of
from audience_service.sql.member_queries import read_membership, stream_part
from audience_service.sql.schema import departures, memberships, prospects, workspaces


class SqlChanges:
    """``change_records.ChangeRecords`` within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._audiences = SqlAudiences(connection)

    async def last_seq(self, workspace: str) -> int:
        found = await self._connection.execute(
            select(workspaces.c.last_seq).where(workspaces.c.workspace == workspace)
        )
        return found.scalar_one_or_none() or 0

    async def number(self, workspace: str, changed: Sequence[Membership]) -> None:
        if changed:
            first = await self._audiences.take_seq(workspace, len(changed))
            for seq, membership in enumerate(changed, start=first):
                membership.change_seq = seq

    async def depart(self, workspace: str, left: Sequence[Departure]) -> None:
        if not left:
            return
        first = await self._audiences.take_seq(workspace, len(left))
        await self._connection.execute(
            insert(departures),
            [
                {
                    "workspace": workspace,
                    "seq": seq,
                    "audience": each.audience,
                    "prospect": each.prospect,
                    "reason": each.reason.value,
                    "merged_into": each.merged_into,
                }
                for seq, each in enumerate(left, start=first)
            ],
        )

    async def departures(
        self,
        workspace: str,
        audiences: Sequence[str],
        *,
        excluded: Sequence[str],
        after: int,
        limit: int,
    ) -> list[Departure]:
        parts = [(departures.c.seq, _left(workspace, audiences))]
        if excluded:
            parts.append((departures.c.seq, _merged_into(workspace, excluded, audiences)))
        for each in dict.fromkeys(excluded):
            other = memberships.alias()
            parts.append((other.c.seq, _came_to(other, workspace, each, audiences)))
        # A page of each by its own index, then the first of them all.
        pages = [
            part.where(seq > after).order_by(seq).limit(limit).subquery() for seq, part in parts
        ]
        joined = union_all(*(select(page) for page in pages)).subquery()
        found = await self._connection.execute(select(joined).order_by(joined.c.seq).limit(limit))
        return [
            Departure(reason=DepartureReason(values.pop("reason")), **values)
            for row in found.mappings()
            if (values := dict(row))
        ]

    async def changed(
        self,
        workspace: str,
        audiences: Sequence[str],
        *,
        excluded: Sequence[str],
        joined_up_to: int,
        after: int,
        limit: int,
    ) -> list[Membership]:
        pages = [
            stream_part(workspace, each, audiences, excluded=excluded)
            .where(
                # Spelt out, or the index that leaves out the unchanged ones is not used.
                memberships.c.change_seq > 0,
                memberships.c.change_seq > after,
                memberships.c.seq <= joined_up_to,
            )
            .order_by(memberships.c.change_seq)
            .limit(limit)
            .subquery()
            for each in dict.fromkeys(audiences)
        ]
        joined = union_all(*(select(page) for page in pages)).subquery()
        found = await self._connection.execute(
            select(joined).order_by(joined.c.change_seq).limit(limit)
        )
        return [read_membership(row) for row in found]


def _left(workspace: str, audiences: Sequence[str]) -> Select[Any]:
    """Who left these audiences and is in none of them now."""
    is_there = _in_one_of(workspace, departures.c.prospect, audiences).where(
        ~exists()
        .where(
            prospects.c.workspace == workspace,
            prospects.c.id == departures.c.prospect,
            prospects.c.suppressed,
        )
        .correlate(departures)
    )
    return select(*(departures.c[name] for name in Departure._fields)).where(
        departures.c.workspace == workspace,
        one_of(departures.c.audience, audiences),
        ~is_there.correlate(departures),
    )


def _came_to(
    other: FromClause, workspace: str, excluded: str, audiences: Sequence[str]
) -> Select[Any]:
    """Members of these audiences who joined an excluded one, of whose memberships ``other`` is."""
    return select(
        other.c.audience,
        other.c.prospect,
        literal(DepartureReason.EXCLUDED.value).label("reason"),
        literal("").label("merged_into"),
        other.c.seq,
    ).where(
        other.c.workspace == workspace,
        other.c.audience == excluded,
        _in_one_of(workspace, other.c.prospect, audiences).correlate(other),
    )


def _merged_into(workspace: str, excluded: Sequence[str], audiences: Sequence[str]) -> Select[Any]:
    """Members of these audiences who turned out to be in an excluded one."""
    survivor = departures.c.merged_into
    return select(
        departures.c.audience,
        survivor.label("prospect"),
        literal(DepartureReason.EXCLUDED.value).label("reason"),
        literal("").label("merged_into"),
        departures.c.seq,
    ).where(
        departures.c.workspace == workspace,
        one_of(departures.c.audience, excluded),
        _in_one_of(workspace, survivor, excluded).correlate(departures),
        _in_one_of(workspace, survivor, audiences).correlate(departures),
    )


def _in_one_of(workspace: str, prospect: ColumnElement[str], audiences: Sequence[str]) -> Exists:
    return exists().where(
        memberships.c.workspace == workspace,
        memberships.c.prospect == prospect,
        one_of(memberships.c.audience, audiences),
    )
