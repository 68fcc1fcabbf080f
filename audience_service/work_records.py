"""What is kept of work that goes on by itself: imports, builds and erasures.

As in ``audience_records``, no method commits, and workspaces and ids come checked.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from audience_service.import_model import Import, ImportRow, RowClass
from audience_service.model import Build, PendingErasure


class BuildRecords(Protocol):
    """Audiences that are put together of others."""

    async def insert(self, build: Build) -> None:
        """Remember what to build."""
        ...

    async def get(self, workspace: str, audience: str) -> Build | None:
        """What there is still to build of an audience."""
        ...

    async def move(self, build: Build) -> None:
        """Write position and ``after``."""
        ...

    async def drop(self, workspace: str, audience: str) -> None:
        """Forget a build that is done."""
        ...

    async def of_workspace(self, workspace: str) -> list[Build]:
        """All builds of a workspace."""
        ...

    async def unfinished(self) -> list[tuple[str, str]]:
        """(workspace, audience) of all builds, of all workspaces."""
        ...

    async def reach(self, build: Build, *, limit: int) -> int | None:
        """The seq of the last of the next members to look at, None when there are no more."""
        ...

    async def copy(self, build: Build, *, up_to: int, first_seq: int, now_ms: int) -> int:
        """Let those members up to a seq join who belong to the result and are not in it.

        Their seqs begin at ``first_seq``, in the order of the source. Returns how many joined.
        """
        ...


class ImportRecords(Protocol):
    """Imports, their staged bytes and their receipts."""

    async def get(self, workspace: str, request_id: str) -> Import | None:
        """The import, in any phase."""
        ...

    async def insert(self, job: Import) -> None:
        """Add an import whose request id is not taken."""
        ...

    async def update(self, job: Import) -> None:
        """Write phase, positions, counts, format and refusal."""
        ...

    async def stage(self, job: Import, *, position: int, data: bytes) -> None:
        """Keep a piece of the file."""
        ...

    async def chunk(self, workspace: str, request_id: str, *, position: int) -> bytes | None:
        """The piece that begins at ``position``, None at the end of the file."""
        ...

    async def drop_chunks(self, workspace: str, request_id: str) -> None:
        """Forget the file."""
        ...

    async def add_batch(self, job: Import, *, first_row: int, rows: Sequence[ImportRow]) -> None:
        """Keep what became of consecutive rows."""
        ...

    async def drop_rows(self, workspace: str, request_id: str) -> None:
        """Forget what became of the rows."""
        ...

    async def rows(
        self,
        workspace: str,
        request_id: str,
        *,
        classes: frozenset[RowClass],
        after: int,
        limit: int,
    ) -> list[ImportRow]:
        """Rows of these classes with a number above ``after``, in the order of the file."""
        ...

    async def unfinished(self) -> list[tuple[str, str]]:
        """(workspace, request id) of imports, of all workspaces, that go on by themselves."""
        ...

    async def one_of_audience(self, workspace: str, audience: str) -> str | None:
        """The request id of an import of an audience, None when it has none."""
        ...

    async def delete(self, workspace: str, request_id: str, *, limit: int) -> bool:
        """Take out pieces and rows of an import, so many; False when it is gone as a whole."""
        ...

    async def abandoned(self, *, before_ms: int) -> list[tuple[str, str]]:
        """(workspace, request id) of uploads that began earlier and never ended."""
        ...


class ErasureRecords(Protocol):
    """Who was erased. Names are aliases and what ``erase_people.prospect_name`` makes of ids."""

    async def erased_among(self, workspace: str, names: Iterable[str]) -> set[str]:
        """Those of the names that have a tombstone, in one statement however many there are."""
        ...

    async def bury(self, workspace: str, names: Iterable[str], *, now_ms: int) -> None:
        """Give names a tombstone for good; it MUST NOT keep the names themselves."""
        ...

    async def add_pending(self, pending: Sequence[PendingErasure], *, now_ms: int) -> None:
        """Remember of whom the enrichment service has to be told."""
        ...

    async def pending(self, *, limit: int) -> list[PendingErasure]:
        """Of whom it has to be told, in all workspaces, the oldest first."""
        ...

    async def drop_pending(self, workspace: str, erasure: str) -> None:
        """Forget what it has been told."""
        ...
