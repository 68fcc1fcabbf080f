"""What changes in audiences, for those who follow them."""

from collections.abc import Sequence

from sqlalchemy import exists, insert, select, union_all
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
        self, workspace: str, audiences: Sequence[str], *, after: int, limit: int
    ) -> list[Departure]:
        columns = [departures.c[name] for name in Departure._fields]
        is_there = exists().where(
            memberships.c.workspace == workspace,
            memberships.c.prospect == departures.c.prospect,
            one_of(memberships.c.audience, audiences),
            ~exists()
            .where(
                prospects.c.workspace == workspace,
                prospects.c.id == departures.c.prospect,
                prospects.c.suppressed,
            )
            .correlate(departures),
        )
        found = await self._connection.execute(
            select(*columns)
            .where(
                departures.c.workspace == workspace,
                departures.c.seq > after,
                one_of(departures.c.audience, audiences),
                ~is_there.correlate(departures),
            )
            .order_by(departures.c.seq)
            .limit(limit)
        )
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
