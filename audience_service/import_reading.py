"""Reads a staged file in a thread, a batch of rows at a time, in bounded memory."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator
from itertools import islice

from audience_service.import_files import (
    FileKind,
    ImportedRow,
    UnreadableFileError,
    UnreadableReason,
    open_file,
)
from audience_service.import_model import Import
from audience_service.ports import Store
from audience_service.shielding import to_its_end

_FORMATS = {
    FileKind.LINKEDIN_CONNECTIONS: "LinkedIn Connections",
    FileKind.SALES_NAVIGATOR: "Sales Navigator export",
    FileKind.EVABOOT: "Evaboot export",
    FileKind.HEYREACH: "HeyReach export",
    FileKind.TABLE: "Table",
    FileKind.URL_LIST: "List of URLs",
}


class _StoppedError(Exception):
    """Nobody waits for the rows any more."""


class StagedFile:
    """The rows of an import's file. Raises UnreadableFileError where the file is broken."""

    def __init__(
        self, *, store: Store, job: Import, batch_rows: int, max_rows: int, max_row_chars: int
    ) -> None:
        self._store = store
        self._job = job
        self._batch_rows = batch_rows
        self._max_rows = max_rows
        self._max_row_chars = max_row_chars
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        self._rows: Iterator[ImportedRow] | None = None
        self._digest = hashlib.sha256()
        self.format = ""

    async def batches(self) -> AsyncGenerator[list[ImportedRow]]:
        """Yield the rows, ``batch_rows`` at a time; the next are read while these are written."""
        ahead = self._read_ahead()
        try:
            while batch := await ahead:
                ahead = self._read_ahead()
                yield batch
        finally:
            ahead.cancel()
            await asyncio.wait([ahead])

    def check_digest(self) -> None:
        """After the last batch: raises UnreadableFileError for a file that is not as it was."""
        if self._job.sha256 not in ("", self._digest.hexdigest()):
            raise UnreadableFileError(
                reason=UnreadableReason.FILE_DAMAGED,
                message="The bytes that arrived are not those that sha256 is of: the file changed "
                "on the way, or while it was sent. Send it again under a new request_id.",
            )

    def _read_ahead(self) -> asyncio.Task[list[ImportedRow]]:
        return asyncio.create_task(
            to_its_end(asyncio.to_thread(self._next), when_cancelled=self._stop)
        )

    def _stop(self) -> None:
        self._stopped = True

    def _next(self) -> list[ImportedRow]:
        """In the thread: the next rows, none at the end."""
        if self._rows is None:
            file = open_file(
                self._chunks(), max_rows=self._max_rows, max_row_chars=self._max_row_chars
            )
            self.format = _FORMATS[file.kind]
            self._rows = file.rows
        return list(islice(self._rows, self._batch_rows))

    def _chunks(self) -> Iterator[bytes]:
        position = 0
        while (data := self._fetch(position)) is not None:
            self._digest.update(data)
            yield data
            position += len(data)

    def _fetch(self, position: int) -> bytes | None:
        """In the thread: ask the event loop, which lives until the thread has ended."""
        if self._stopped:
            raise _StoppedError
        job = self._job
        asked = asyncio.run_coroutine_threadsafe(
            self._store.read(
                lambda tx: tx.imports.chunk(job.workspace, job.request_id, position=position)
            ),
            self._loop,
        )
        return asked.result()
