"""Which members a snapshot of the enrichment service has not listed yet.

Such a member has the event revision -1, which every event is newer than.
"""

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.log_records import Unlisted
from audience_service.model import MemberState
from audience_service.sql.audiences import EVERY_WORKSPACE
from audience_service.sql.schema import audiences, memberships

_UNLISTED = -1


class SqlSnapshots:
    """``log_records.SnapshotRecords`` within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def workspaces(self) -> list[str]:
        found = await self._connection.execute(
            select(audiences.c.workspace).distinct(), execution_options=EVERY_WORKSPACE
        )
        return sorted(found.scalars())

    async def begin(self, workspace: str) -> None:
        await self._connection.execute(
            update(memberships)
            .where(memberships.c.workspace == workspace, memberships.c.profile != "")
            .values(event_revision=_UNLISTED)
        )

    async def end(self, workspace: str) -> list[Unlisted]:
        unlisted = memberships.c.workspace == workspace, memberships.c.event_revision == _UNLISTED
        pending = memberships.c.state == MemberState.PENDING.value
        found = await self._connection.execute(
            select(
                memberships.c.audience,
                func.count().label("members"),
                func.min(memberships.c.seq).label("first_seq"),
            )
            .where(*unlisted, pending)
            .group_by(memberships.c.audience)
        )
        lost = [Unlisted(**row) for row in found.mappings()]
        await self._connection.execute(
            update(memberships)
            .where(*unlisted, pending)
            .values(state=MemberState.NOT_SUBMITTED.value, profile="")
        )
        await self._connection.execute(
            update(memberships).where(*unlisted).values(event_revision=0)
        )
        return lost
