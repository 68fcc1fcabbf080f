"""Finds out what an import would do, and changes nothing but its own receipt."""

from audience_service.identity import Rejection
from audience_service.import_files import ImportedRow
from audience_service.import_model import Import, ImportRow, RowClass, RowCounts
from audience_service.import_plan import aliases_in
from audience_service.ports import Store, Transaction
from audience_service.seen_names import SeenNames


class DryRun:
    """One reading of a file. It remembers 8 bytes for every name in it, and nothing else."""

    def __init__(self, store: Store, job: Import) -> None:
        self._store = store
        self._job = job
        self._seen = SeenNames()
        self.counts = RowCounts()

    async def start_over(self) -> None:
        """Forget what an interrupted reading has found."""
        job = self._job
        await self._store.write(
            [job.workspace], lambda tx: tx.imports.drop_rows(job.workspace, job.request_id)
        )

    async def look_at(self, batch: list[ImportedRow], *, first_row: int) -> None:
        """Class the next rows and keep the classes for the receipt."""
        job = self._job

        async def work(tx: Transaction) -> list[ImportRow]:
            aliases = aliases_in(batch)
            known = await tx.prospects.by_aliases(job.workspace, aliases)
            suppressed = await tx.suppressions.among(job.workspace, aliases)
            erased = await tx.erasures.erased_among(job.workspace, aliases)
            members = await tx.members.last_imports(
                job.workspace, job.audience, set(known.values())
            )
            rows = [
                ImportRow(
                    row.number,
                    self._class(row, known, members, erased, suppressed),
                    row.problem.value
                    if row.problem and row.problem is not Rejection.NO_URL
                    else "",
                )
                for row in batch
            ]
            await tx.imports.add_batch(job, first_row=first_row, rows=rows)
            return rows

        for row in await self._store.write([job.workspace], work):
            self.counts = self.counts.plus({row.row_class.name.lower(): 1})

    def _class(
        self,
        row: ImportedRow,
        known: dict[str, str],
        members: dict[str, int],
        erased: set[str],
        suppressed: set[str],
    ) -> RowClass:
        if row.problem is not None:
            no_url = row.problem is Rejection.NO_URL
            return RowClass.NO_PROFILE if no_url else RowClass.REJECTED
        aliases = [each.alias for each in row.identities]
        if not erased.isdisjoint(aliases):
            return RowClass.ERASED
        if not suppressed.isdisjoint(aliases):
            return RowClass.SUPPRESSED
        first = next((each for each in aliases if each in known or each in self._seen), None)
        person = known.get(first, "") if first is not None else ""
        seen = first is not None and (
            first in self._seen or (bool(person) and person in self._seen)
        )
        for each in (*aliases, person) if person else aliases:
            self._seen.add(each)
        if seen:
            return RowClass.MERGED
        return RowClass.ALREADY_THERE if person in members else RowClass.ADDED
