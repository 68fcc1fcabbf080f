"""Checks and applies imports in the background, and goes on with them after a crash.

A batch is one transaction that writes people, memberships, the receipt and the new position, so
that an import only rolls forward. Several processes may run one import: the position decides.
"""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Final, TypedDict

import structlog

from audience_service.background import keep_running
from audience_service.import_dry_run import DryRun
from audience_service.import_files import ImportedRow, UnreadableFileError
from audience_service.import_model import Import, ImportPhase
from audience_service.import_reading import StagedFile
from audience_service.imports import key_of
from audience_service.joining import plan_rows, write_plan
from audience_service.observing import SILENT, Observer
from audience_service.ports import Store, Transaction
from audience_service.signals import Signals
from servicekit.clock import Clock

_log = structlog.get_logger("imports")

_BATCH_ROWS: Final = 2_000
_POLL_SECONDS: Final = 5.0
_AT_ONCE: Final = 4
_KEEP_UPLOADS_MS: Final = 7 * 86_400_000
_MAX_ROW_CHARS: Final = 100_000


class _Where(TypedDict):
    workspace: str
    audience: str
    import_number: int
    now_ms: int


class _RunsElsewhereError(Exception):
    """Another process has moved the import on."""


class ImportRunner:
    """Runs every import that is complete and not done."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        signals: Signals,
        max_rows: int,
        observer: Observer = SILENT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._max_rows = max_rows
        self._observer = observer

    async def run(self) -> None:
        """Run imports until cancelled."""
        running: dict[tuple[str, str], asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            with self._signals.listen("imports") as listener:
                while True:
                    await self._drop_abandoned()
                    waiting = await self._store.read(lambda tx: tx.imports.unfinished())
                    running = {key: task for key, task in running.items() if not task.done()}
                    for key in waiting:
                        if key not in running and len(running) < _AT_ONCE:
                            running[key] = group.create_task(self._run_one(key))
                    await listener.wait(at_most=_POLL_SECONDS)

    async def _run_one(self, key: tuple[str, str]) -> None:
        async def attempt() -> None:
            job = await self._store.read(lambda tx: tx.imports.get(*key))
            if job is None:
                return
            try:
                if job.phase is ImportPhase.CHECKING:
                    job = await self._check(job)
                if job.phase is ImportPhase.APPLYING:
                    await self._apply(job)
            except UnreadableFileError as error:
                await self._refuse(job, error)
            except _RunsElsewhereError:
                _log.info("import_runs_elsewhere")

        with self._observer.import_running():
            await keep_running("import", attempt, until_done=True)
        self._signals.send("imports")

    async def _check(self, job: Import) -> Import:
        """Read the whole file: nothing is changed unless it can be read to its end."""
        file = self._open(job)
        rows = 0
        dry_run = DryRun(self._store, job) if job.validate_only else None
        if dry_run is not None:
            await dry_run.start_over()
        async with aclosing(file.batches()) as batches:
            async for batch in batches:
                if dry_run is not None:
                    await dry_run.look_at(batch, first_row=rows)
                rows += len(batch)
        file.check_digest()
        checked = replace(job, phase=ImportPhase.APPLYING, rows=rows, format=file.format)
        if dry_run is not None or rows == 0:
            counts = dry_run.counts if dry_run is not None else job.counts
            checked = self._ended(replace(checked, counts=counts))

        async def work(tx: Transaction) -> Import:
            now = await tx.imports.get(job.workspace, job.request_id)
            if now is None or now.phase is not ImportPhase.CHECKING:
                raise _RunsElsewhereError
            await self._write(tx, checked)
            return checked

        checked = await self._store.write([job.workspace], work)
        self._tell_end(checked)
        self._signals.send(key_of(job))
        return checked

    async def _apply(self, job: Import) -> None:
        """Write batch after batch; rows that were applied before a crash are passed over."""
        position = 0
        async with aclosing(self._open(job).batches()) as batches:
            async for batch in batches:
                first, position = position, position + len(batch)
                if position <= job.applied_rows:
                    continue
                before = job.counts
                with self._observer.work("import"):
                    job = await self._apply_batch(job, batch, first_row=first)
                self._observer.rows_applied(job.counts.since(before))
                self._signals.send(key_of(job))
                self._signals.send(("members", job.workspace))
        self._tell_end(job)
        self._signals.send("submitting")

    async def _apply_batch(
        self, job: Import, batch: list[ImportedRow], *, first_row: int
    ) -> Import:
        async def work(tx: Transaction) -> Import:
            now = await tx.imports.get(job.workspace, job.request_id)
            if now is None or now.applied_rows != first_row:
                raise _RunsElsewhereError
            where = _Where(
                workspace=job.workspace,
                audience=job.audience,
                import_number=job.number,
                now_ms=self._clock.now_ms(),
            )
            plan = await plan_rows(tx, batch, **where)
            await write_plan(tx, plan, **where)
            await tx.imports.add_batch(now, first_row=first_row, rows=plan.rows)
            now = replace(
                now,
                applied_rows=first_row + len(batch),
                counts=now.counts.plus(plan.counts()),
            )
            if now.applied_rows == now.rows:
                now = self._ended(now)
            await self._write(tx, now)
            return now

        return await self._store.write([job.workspace], work)

    async def _refuse(self, job: Import, error: UnreadableFileError) -> None:
        refused = replace(
            self._ended(job),
            phase=ImportPhase.REFUSED,
            refusal=error.reason.value,
            refusal_message=error.message,
        )

        async def work(tx: Transaction) -> None:
            await tx.imports.drop_rows(job.workspace, job.request_id)
            await self._write(tx, refused)

        await self._store.write([job.workspace], work)
        self._tell_end(refused)
        self._signals.send(key_of(job))

    async def _drop_abandoned(self) -> None:
        """Forget uploads that began a week ago and never ended."""
        before = self._clock.now_ms() - _KEEP_UPLOADS_MS
        abandoned = await self._store.read(lambda tx: tx.imports.abandoned(before_ms=before))
        for workspace, request_id in abandoned:
            await self._refuse_upload(workspace, request_id)

    async def _refuse_upload(self, workspace: str, request_id: str) -> None:
        async def work(tx: Transaction) -> None:
            job = await tx.imports.get(workspace, request_id)
            if job is None or job.phase is not ImportPhase.RECEIVING:
                return
            refused = replace(
                self._ended(job),
                phase=ImportPhase.REFUSED,
                refusal="IMPORT_ABANDONED",
                refusal_message="The file did not arrive within a week. Import it again under a "
                "new request_id.",
            )
            await self._write(tx, refused)

        await self._store.write([workspace], work)

    async def _write(self, tx: Transaction, job: Import) -> None:
        await tx.imports.update(job)
        if job.complete_ms is not None:
            await tx.imports.drop_chunks(job.workspace, job.request_id)

    def _ended(self, job: Import) -> Import:
        return replace(job, phase=ImportPhase.DONE, complete_ms=self._clock.now_ms())

    def _tell_end(self, job: Import) -> None:
        if job.complete_ms is not None:
            self._observer.import_ended(
                accepted=job.phase is ImportPhase.DONE,
                seconds=(job.complete_ms - job.create_ms) / 1000,
            )

    def _open(self, job: Import) -> StagedFile:
        return StagedFile(
            store=self._store,
            job=job,
            batch_rows=_BATCH_ROWS,
            max_rows=self._max_rows,
            max_row_chars=_MAX_ROW_CHARS,
        )
