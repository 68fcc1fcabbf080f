"""Deleting audiences: they can come back for a while, and are then purged in the background.

What is deleted keeps its members and its id. Its enrichment is cancelled by the submitter. When its
time is over it goes for good, in transactions of bounded size: imports, then members, then the
audience itself. Whatever dies in between, the next round goes on.
"""

from dataclasses import replace
from typing import Final

import structlog

from audience_service.audiences import is_purged, require_audience, write_changes
from audience_service.errors import etag_mismatch
from audience_service.model import Audience
from audience_service.ports import Store, Transaction
from audience_service.signals import Signals
from servicekit.clock import Clock
from servicekit.errors import Code, ServiceError, not_found

_log = structlog.get_logger("deletion")

_POLL_SECONDS: Final = 5.0
_PART: Final = 5_000
# Pieces of a file have up to 1 MiB.
_PART_OF_IMPORT: Final = 20


class Deletion:
    """Use cases of DeleteAudience and UndeleteAudience, and the work that they leave."""

    def __init__(self, *, store: Store, clock: Clock, signals: Signals, retention_ms: int) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._retention_ms = retention_ms

    async def delete(self, workspace: str, audience: str, *, etag: str) -> Audience:
        """Delete an audience until its purge_time; NOT_FOUND when it is deleted already."""

        async def work(tx: Transaction) -> Audience:
            found = await require_audience(tx, workspace, audience)
            _check(found, etag)
            now_ms = self._clock.now_ms()
            deleted = replace(
                found,
                delete_ms=now_ms,
                purge_ms=now_ms + self._retention_ms,
                ending=found.enrichment_wanted,
                submitted_seq=found.last_seq,
            )
            return await write_changes(tx, found, deleted, now_ms=now_ms)

        return await self._changed(await self._store.write([workspace], work))

    async def undelete(self, workspace: str, audience: str, *, etag: str) -> Audience:
        """Bring an audience back; NOT_FOUND from its purge_time on."""

        async def work(tx: Transaction) -> Audience:
            found = await tx.audiences.get(workspace, audience)
            now_ms = self._clock.now_ms()
            if found is None or is_purged(found, now_ms=now_ms):
                raise not_found("audience", f"workspaces/{workspace}/audiences/{audience}")
            if found.delete_ms is None:
                raise _not_deleted(found)
            _check(found, etag)
            back = replace(found, delete_ms=None, purge_ms=None)
            return await write_changes(tx, found, back, now_ms=now_ms)

        return await self._changed(await self._store.write([workspace], work))

    async def run(self) -> None:
        """Purge until cancelled; audiences take turns, a part each."""
        with self._signals.listen("purging") as listener:
            while True:
                due = await self._store.read(
                    lambda tx: tx.audiences.to_purge(now_ms=self._clock.now_ms())
                )
                moved = [await self.purge_part(*key) for key in due]
                if not any(moved):
                    await listener.wait(at_most=_POLL_SECONDS)

    async def purge_part(self, workspace: str, audience: str) -> bool:
        """Do the next part of a purge; False when nothing can be done now."""

        async def work(tx: Transaction) -> bool:
            found = await tx.audiences.get(workspace, audience)
            if found is None or not is_purged(found, now_ms=self._clock.now_ms()):
                return False
            builds = await tx.builds.of_workspace(workspace)
            if any(audience in each.sources for each in builds):
                # Another audience is put together of this one: that takes seconds.
                return False
            await tx.builds.drop(workspace, audience)
            request_id = await tx.imports.one_of_audience(workspace, audience)
            if request_id is not None:
                await tx.imports.delete(workspace, request_id, limit=_PART_OF_IMPORT)
            elif not await tx.members.delete(workspace, audience, limit=_PART):
                await tx.audiences.delete(workspace, audience)
                _log.info("audience_purged", workspace=workspace, audience=audience)
            return True

        return await self._store.write([workspace], work)

    async def _changed(self, audience: Audience) -> Audience:
        for key in ("submitting", "purging", ("members", audience.workspace)):
            self._signals.send(key)
        return audience


def _check(found: Audience, etag: str) -> None:
    if etag and etag != str(found.revision):
        raise etag_mismatch("audience")


def _not_deleted(found: Audience) -> ServiceError:
    return ServiceError(
        code=Code.ALREADY_EXISTS,
        reason="AUDIENCE_NOT_DELETED",
        message=f"The audience workspaces/{found.workspace}/audiences/{found.id} is not deleted. "
        "Go on using it.",
    )
