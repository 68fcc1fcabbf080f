"""What a snapshot of the enrichment service means for members, when the log cannot be read on.

At its beginning every submitted member counts as not listed. What is listed is linked like any
event. At its end, whoever waits and was not listed is unknown to the enrichment service (it lost
its store, or the profile was never taken in): they go back to not submitted and are submitted
again. A member whose profile came keeps it, listed or not: viewing them again would cost a view.

A workspace at a time, and only while the cursor is where it was: of several processes one does it,
and whoever repeats a part of it does no harm.
"""

from dataclasses import replace

import structlog

from audience_service.errors import CursorMovedError
from audience_service.ports import Store, Transaction
from audience_service.signals import Signals

_log = structlog.get_logger("resync")


class Resync:
    """Begins and ends snapshots."""

    def __init__(self, *, store: Store, signals: Signals) -> None:
        self._store = store
        self._signals = signals

    async def begin(self, cursor: str) -> None:
        """Take nobody as listed and give the cursor up; whoever reads next takes a snapshot."""

        async def give_up(tx: Transaction) -> None:
            if not await tx.log_position.move(old=cursor, new=""):
                raise CursorMovedError

        for workspace in await self._workspaces():
            await self._store.write([workspace], _Step(cursor, workspace).begin)
        await self._store.write([], give_up)

    async def end(self, cursor: str) -> None:
        """Take whoever waits and was not listed as not submitted."""
        for workspace in await self._workspaces():
            lost = await self._store.write([workspace], _Step(cursor, workspace).end)
            if lost:
                _log.warning("members_not_known_there", members=lost)
                self._signals.send(("members", workspace))
        self._signals.send("submitting")

    async def _workspaces(self) -> list[str]:
        return await self._store.read(lambda tx: tx.snapshots.workspaces())


class _Step:
    """The work in one workspace. Raises CursorMovedError when another process was faster."""

    def __init__(self, cursor: str, workspace: str) -> None:
        self._cursor = cursor
        self._workspace = workspace

    async def begin(self, tx: Transaction) -> None:
        await self._check(tx)
        await tx.snapshots.begin(self._workspace)

    async def end(self, tx: Transaction) -> int:
        await self._check(tx)
        lost = await tx.snapshots.end(self._workspace)
        for each in lost:
            await tx.audiences.count(self._workspace, each.audience, {"pending": -each.members})
            audience = await tx.audiences.get(self._workspace, each.audience)
            if audience is not None and not audience.ending:
                reached = min(audience.submitted_seq, each.first_seq - 1)
                await tx.audiences.update(replace(audience, submitted_seq=reached))
        return sum(each.members for each in lost)

    async def _check(self, tx: Transaction) -> None:
        if await tx.log_position.get() != self._cursor:
            raise CursorMovedError
