"""Memberships, and the profiles of those who left."""

from collections.abc import Iterable, Sequence

from sqlalchemy import (
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.member_records import Coverage, TakenBack, Unready
from audience_service.model import Membership, MemberState
from audience_service.sql.bulk import insert_rows
from audience_service.sql.coverage import coverage_query, read_coverage, unready_query
from audience_service.sql.dialect import one_of
from audience_service.sql.member_queries import (
    MEMBERSHIP,
    in_audience,
    members_among,
    read_membership,
    stream_query,
)
from audience_service.sql.schema import memberships
from audience_service.sql.work_schema import withdrawals


class SqlMembers:
    """``member_records.MemberRecords`` within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def join(
        self,
        workspace: str,
        audience: str,
        prospects: Sequence[str],
        *,
        first_seq: int,
        now_ms: int,
        import_number: int = 0,
    ) -> None:
        await insert_rows(
            self._connection,
            memberships,
            [
                {
                    "workspace": workspace,
                    "audience": audience,
                    "prospect": prospect,
                    "seq": seq,
                    "state": MemberState.NOT_SUBMITTED.value,
                    "degree": 0,
                    "join_ms": now_ms,
                    "last_import": import_number,
                    "profile": "",
                    "event_revision": 0,
                }
                for seq, prospect in enumerate(prospects, start=first_seq)
            ],
        )

    async def last_imports(
        self, workspace: str, audience: str, prospects: Iterable[str]
    ) -> dict[str, int]:
        found = await self._connection.execute(
            select(memberships.c.prospect, memberships.c.last_import).where(
                *members_among(workspace, audience, memberships.c.prospect, prospects)
            )
        )
        return {row.prospect: row.last_import for row in found}

    async def mark(
        self, workspace: str, audience: str, prospects: Iterable[str], *, import_number: int
    ) -> None:
        await self._connection.execute(
            update(memberships)
            .where(*members_among(workspace, audience, memberships.c.prospect, prospects))
            .values(last_import=import_number)
        )

    async def remove(
        self, workspace: str, audience: str, prospects: Iterable[str]
    ) -> list[Membership]:
        found = await self._connection.execute(
            delete(memberships)
            .where(*members_among(workspace, audience, memberships.c.prospect, prospects))
            .returning(*MEMBERSHIP)
        )
        return [read_membership(row) for row in found]

    async def remove_everywhere(self, workspace: str, prospects: Iterable[str]) -> list[Membership]:
        found = await self._connection.execute(
            delete(memberships)
            .where(memberships.c.workspace == workspace, one_of(memberships.c.prospect, prospects))
            .returning(*MEMBERSHIP)
        )
        return [read_membership(row) for row in found]

    async def page(
        self, workspace: str, audience: str, *, after: int, limit: int
    ) -> list[Membership]:
        found = await self._connection.execute(
            select(*MEMBERSHIP)
            .where(*in_audience(workspace, audience), memberships.c.seq > after)
            .order_by(memberships.c.seq)
            .limit(limit)
        )
        return [read_membership(row) for row in found]

    async def stream_page(
        self,
        workspace: str,
        audiences: Sequence[str],
        *,
        excluded: Sequence[str],
        after: int,
        limit: int,
    ) -> list[Membership]:
        query = stream_query(workspace, audiences, excluded=excluded, after=after, limit=limit)
        found = await self._connection.execute(query)
        return [read_membership(row) for row in found]

    async def coverage(
        self, workspace: str, audience: str, tags: Sequence[str], *, required: Sequence[str]
    ) -> Coverage:
        query = coverage_query(workspace, audience, tags, required=required)
        return read_coverage(tags, (await self._connection.execute(query)).one())

    async def unready(
        self,
        workspace: str,
        audience: str,
        required: Sequence[str],
        *,
        after: int,
        look_at: int,
        limit: int,
    ) -> Unready:
        looked_at = (
            select(memberships.c.seq)
            .where(*in_audience(workspace, audience), memberships.c.seq > after)
            .order_by(memberships.c.seq)
            .limit(look_at)
            .subquery()
        )
        counted = await self._connection.execute(
            select(func.count(), func.max(looked_at.c.seq)).select_from(looked_at)
        )
        count, up_to = counted.one()
        if not count:
            return Unready([], None)
        query = unready_query(workspace, audience, required, after=after, up_to=up_to)
        found = await self._connection.execute(query.limit(limit))
        members = [read_membership(row) for row in found]
        if len(members) == limit:
            return Unready(members, members[-1].seq)
        return Unready(members, up_to if count == look_at else None)

    async def degrees(
        self, workspace: str, audience: str, prospects: Iterable[str]
    ) -> dict[str, int]:
        found = await self._connection.execute(
            select(memberships.c.prospect, memberships.c.degree).where(
                *members_among(workspace, audience, memberships.c.prospect, prospects)
            )
        )
        return {row.prospect: row.degree for row in found}

    async def take_back(
        self, workspace: str, audience: str, *, up_to: int, limit: int
    ) -> TakenBack | None:
        last = (
            select(memberships.c.seq, memberships.c.state)
            .where(*in_audience(workspace, audience), memberships.c.seq <= up_to)
            .order_by(memberships.c.seq.desc())
            .limit(limit)
            .subquery()
        )
        pending = case((last.c.state == MemberState.PENDING.value, 1), else_=0)
        found = await self._connection.execute(
            select(func.min(last.c.seq), func.coalesce(func.sum(pending), 0))
        )
        first_seq, count = found.one()
        if first_seq is None:
            return None
        state = memberships.c.state
        await self._connection.execute(
            update(memberships)
            .where(*in_audience(workspace, audience), memberships.c.seq.between(first_seq, up_to))
            .values(
                event_revision=0,
                state=case(
                    (state == MemberState.PENDING.value, MemberState.NOT_SUBMITTED.value),
                    else_=state,
                ),
            )
        )
        return TakenBack(first_seq, int(count))

    async def delete(self, workspace: str, audience: str, *, limit: int) -> int:
        some = (
            select(memberships.c.seq)
            .where(*in_audience(workspace, audience))
            .order_by(memberships.c.seq)
            .limit(limit)
        )
        deleted = await self._connection.execute(
            delete(memberships).where(
                *in_audience(workspace, audience), memberships.c.seq.in_(some)
            )
        )
        return deleted.rowcount

    async def of_prospects(self, workspace: str, prospects: Iterable[str]) -> list[Membership]:
        found = await self._connection.execute(
            select(*MEMBERSHIP).where(
                memberships.c.workspace == workspace, one_of(memberships.c.prospect, prospects)
            )
        )
        return [read_membership(row) for row in found]

    async def of_profiles(
        self, workspace: str, audience: str, profiles: Iterable[str]
    ) -> list[Membership]:
        found = await self._connection.execute(
            select(*MEMBERSHIP).where(
                *members_among(workspace, audience, memberships.c.profile, profiles),
                # Spelt out, or the index that leaves out the blank ones is not used.
                memberships.c.profile != "",
            )
        )
        return [read_membership(row) for row in found]

    async def update(self, workspace: str, changed: Sequence[Membership]) -> None:
        if changed:
            await self._connection.execute(
                update(memberships).where(
                    memberships.c.workspace == workspace,
                    memberships.c.audience == bindparam("key_audience"),
                    memberships.c.prospect == bindparam("key_prospect"),
                ),
                [
                    {
                        "key_audience": each.audience,
                        "key_prospect": each.prospect,
                        "state": each.state.value,
                        "degree": each.degree,
                        "profile": each.profile,
                        "event_revision": each.event_revision,
                        "change_seq": each.change_seq,
                    }
                    for each in changed
                ],
            )

    async def move(self, workspace: str, audience: str, *, prospect: str, to_prospect: str) -> None:
        await self._connection.execute(
            update(memberships)
            .where(*in_audience(workspace, audience), memberships.c.prospect == prospect)
            .values(prospect=to_prospect)
        )

    async def add_withdrawals(self, workspace: str, audience: str, profiles: Iterable[str]) -> None:
        wanted = dict.fromkeys(profiles)
        if wanted:
            await self.drop_withdrawals(workspace, audience, wanted)
            await self._connection.execute(
                insert(withdrawals),
                [
                    {"workspace": workspace, "audience": audience, "profile": profile}
                    for profile in wanted
                ],
            )

    async def withdrawals(self, workspace: str, audience: str, *, limit: int) -> list[str]:
        found = await self._connection.execute(
            select(withdrawals.c.profile)
            .where(withdrawals.c.workspace == workspace, withdrawals.c.audience == audience)
            .order_by(withdrawals.c.profile)
            .limit(limit)
        )
        return list(found.scalars())

    async def drop_withdrawals(
        self, workspace: str, audience: str, profiles: Iterable[str]
    ) -> None:
        await self._connection.execute(
            delete(withdrawals).where(
                withdrawals.c.workspace == workspace,
                withdrawals.c.audience == audience,
                one_of(withdrawals.c.profile, profiles),
            )
        )
