"""Taking in a file for an import, following it, and its receipt."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Final

from audience_service.audiences import require_audience
from audience_service.errors import request_id_reused
from audience_service.import_model import Import, ImportPhase, ImportRow, RowClass
from audience_service.ports import Store, Transaction
from audience_service.signals import Signals
from servicekit.clock import Clock
from servicekit.errors import (
    Code,
    ServiceError,
    aborted,
    failed_precondition,
    not_found,
    resource_exhausted,
)

# Progress of an import that another process runs is looked up this often.
_POLL_SECONDS: Final = 1.0

ENDED: Final = frozenset({ImportPhase.DONE, ImportPhase.REFUSED})


class Imports:
    """Imports as their callers see them; ``ImportRunner`` does the work."""

    def __init__(
        self, *, store: Store, clock: Clock, signals: Signals, max_file_bytes: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._max_file_bytes = max_file_bytes

    async def begin(
        self,
        *,
        workspace: str,
        audience: str,
        request_id: str,
        size_bytes: int,
        sha256: str,
        validate_only: bool,
    ) -> Import:
        """Begin an import, or go on with the one of this request id.

        A file of another size or digest is another file; a size of 0 and a blank digest say
        nothing.
        """
        if size_bytes > self._max_file_bytes:
            raise self._too_large()

        async def work(tx: Transaction) -> Import:
            await require_audience(tx, workspace, audience)
            known = await tx.imports.get(workspace, request_id)
            if known is not None:
                # Once the file is complete its size is known, whatever was said of it before.
                size = known.size_bytes or (
                    0 if known.phase is ImportPhase.RECEIVING else known.received_bytes
                )
                sizes = {size, size_bytes} - {0}
                digests = {known.sha256, sha256} - {""}
                if known.audience != audience or len(sizes) > 1 or len(digests) > 1:
                    raise request_id_reused()
                if known.validate_only != validate_only:
                    raise failed_precondition(
                        "REQUEST_ID_REUSED",
                        "This request_id belongs to a dry run, or to an import that is none: each "
                        "needs an id of its own. Take a new one.",
                    )
                if known.phase is not ImportPhase.RECEIVING:
                    return known
                told = replace(
                    known,
                    size_bytes=known.size_bytes or size_bytes,
                    sha256=known.sha256 or sha256,
                )
                if told != known:
                    await tx.imports.update(told)
                return told
            job = Import(
                workspace=workspace,
                request_id=request_id,
                audience=audience,
                number=await tx.audiences.take_seq(workspace, 1),
                validate_only=validate_only,
                size_bytes=size_bytes,
                sha256=sha256,
                create_ms=self._clock.now_ms(),
            )
            await tx.imports.insert(job)
            return job

        return await self._store.write([workspace], work)

    async def receive(self, job: Import, *, offset: int, data: bytes) -> Import:
        """Keep a piece of the file; it is safe when this returns."""
        if offset + len(data) > self._max_file_bytes:
            raise self._too_large()

        async def work(tx: Transaction) -> Import:
            now = await self._require(tx, job.workspace, job.request_id)
            if now.phase is not ImportPhase.RECEIVING:
                raise failed_precondition(
                    "IMPORT_FILE_COMPLETE",
                    "The file of this import is complete. Repeat the call and send no more of it, "
                    "or take a new request_id for a new file.",
                )
            if offset != now.received_bytes:
                raise aborted(
                    "IMPORT_OFFSET_MISMATCH",
                    f"The next byte is {now.received_bytes}. Repeat the call with the same "
                    "request_id and go on where ImportAccepted says.",
                    metadata={"next_offset": str(now.received_bytes)},
                )
            await tx.imports.stage(now, position=offset, data=data)
            now = replace(now, received_bytes=offset + len(data))
            await tx.imports.update(now)
            return now

        return await self._store.write([job.workspace], work)

    async def complete(self, job: Import) -> None:
        """The whole file is there: check and apply it, whoever stays to watch."""

        async def work(tx: Transaction) -> None:
            now = await self._require(tx, job.workspace, job.request_id)
            if now.phase is not ImportPhase.RECEIVING:
                return
            if now.size_bytes and now.received_bytes > now.size_bytes:
                raise failed_precondition(
                    "IMPORT_FILE_TOO_LONG",
                    f"{now.received_bytes} bytes arrived, and size_bytes says {now.size_bytes}. "
                    "Take a new request_id, and the size of the file as it is.",
                )
            if now.received_bytes < now.size_bytes:
                raise failed_precondition(
                    "IMPORT_FILE_INCOMPLETE",
                    f"{now.received_bytes} bytes arrived of the {now.size_bytes} that size_bytes "
                    "says. Repeat the call with the same request_id and send the rest, or take a "
                    "new request_id for a new file.",
                )
            await tx.imports.update(replace(now, phase=ImportPhase.CHECKING))

        await self._store.write([job.workspace], work)
        self._signals.send("imports")

    async def follow(self, job: Import) -> AsyncGenerator[Import]:
        """Yield the import whenever it has come further, at last when it has ended.

        Raises INVALID_ARGUMENT with the reason when the file cannot be read.
        """
        seen: Import | None = None
        with self._signals.listen(key_of(job)) as listener:
            while True:
                now = await self.get(job.workspace, job.request_id)
                if now.phase is ImportPhase.REFUSED:
                    raise ServiceError(
                        code=Code.INVALID_ARGUMENT, reason=now.refusal, message=now.refusal_message
                    )
                if now != seen:
                    yield now
                    seen = now
                if now.phase in ENDED:
                    return
                await listener.wait(at_most=_POLL_SECONDS)

    async def get(self, workspace: str, request_id: str) -> Import:
        """The import; NOT_FOUND, IMPORT_NOT_FOUND."""
        return await self._store.read(lambda tx: self._require(tx, workspace, request_id))

    async def receipt(
        self,
        *,
        workspace: str,
        audience: str,
        request_id: str,
        classes: frozenset[RowClass],
        after: int,
        limit: int,
    ) -> tuple[Import, list[ImportRow]]:
        """The import and a page of its rows of these classes with numbers above ``after``."""

        async def work(tx: Transaction) -> tuple[Import, list[ImportRow]]:
            job = await self._require(tx, workspace, request_id)
            if job.audience != audience:
                raise not_found("import", request_id)
            rows = await tx.imports.rows(
                workspace, request_id, classes=classes, after=after, limit=limit
            )
            return job, rows

        return await self._store.read(work)

    async def _require(self, tx: Transaction, workspace: str, request_id: str) -> Import:
        job = await tx.imports.get(workspace, request_id)
        if job is None:
            raise not_found("import", request_id)
        return job

    def _too_large(self) -> ServiceError:
        return resource_exhausted(
            "IMPORT_FILE_TOO_LARGE",
            f"The file has more than {self._max_file_bytes} bytes. Split it and import the parts "
            "one after another.",
        )


def key_of(job: Import) -> tuple[str, str, str]:
    """The signal that tells of an import's progress."""
    return "import", job.workspace, job.request_id
