"""Prospects, the aliases that lead to them, and the suppression list.

As in ``audience_records``, no method commits, and workspaces and ids come checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from audience_service.model import Prospect


class Suppression(NamedTuple):
    """An alias of somebody whom nobody may contact."""

    alias: str
    create_ms: int


class ProspectRecords(Protocol):
    """Prospects and the aliases that lead to them."""

    async def get_many(self, workspace: str, ids: Iterable[str]) -> dict[str, Prospect]:
        """Prospects by id, merged ones too."""
        ...

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Prospect]:
        """Prospects that were not merged away, by id, after ``after``."""
        ...

    async def search(
        self,
        workspace: str,
        *,
        field: str,
        prefix: str,
        after: tuple[str, str] | None,
        limit: int,
    ) -> list[Prospect]:
        """Prospects whose field begins with a prefix (both folded), by its folded value and id.

        After the value and the id of ``after``.
        """
        ...

    async def by_aliases(self, workspace: str, aliases: Iterable[str]) -> dict[str, str]:
        """Ids of prospects by alias, in one statement however many there are."""
        ...

    async def aliases_of(self, workspace: str, ids: Iterable[str]) -> dict[str, list[str]]:
        """All aliases of prospects, by id."""
        ...

    async def insert(self, prospects: Sequence[Prospect]) -> None:
        """Add prospects, all of one workspace."""
        ...

    async def update(self, prospects: Sequence[Prospect]) -> None:
        """Write prospects as they are, all of one workspace."""
        ...

    async def set_aliases(self, workspace: str, aliases: Mapping[str, str]) -> None:
        """Let aliases, whether known before or not, lead to these prospects."""
        ...

    async def add_aliases(self, workspace: str, aliases: Mapping[str, str]) -> None:
        """Let aliases that nobody has lead to these prospects."""
        ...

    async def set_suppressed(self, workspace: str, ids: Iterable[str], *, to: bool) -> None:
        """Mark prospects as suppressed, or not; whoever is marked so is never streamed."""
        ...

    async def suppressed_among(self, workspace: str, ids: Iterable[str]) -> set[str]:
        """Those of the prospects that are marked as suppressed."""
        ...

    async def merged_into(self, workspace: str, ids: Iterable[str]) -> list[str]:
        """Ids of the prospects that were merged into these."""
        ...

    async def delete(self, workspace: str, ids: Iterable[str]) -> None:
        """Take out prospects that no membership and no redirection leads to, with their aliases."""
        ...

    async def redirect(self, workspace: str, *, merged: str, survivor: str) -> None:
        """Let all aliases and earlier redirections of ``merged`` lead to ``survivor``."""
        ...


class SuppressionRecords(Protocol):
    """The suppression list: aliases, of a prospect all of them."""

    async def among(self, workspace: str, aliases: Iterable[str]) -> set[str]:
        """Those of the aliases that are on the list, in one statement."""
        ...

    async def add(self, workspace: str, aliases: Iterable[str], *, now_ms: int) -> int:
        """Put aliases on the list; returns how many were not on it."""
        ...

    async def drop(self, workspace: str, aliases: Iterable[str]) -> int:
        """Take aliases off the list; returns how many were on it."""
        ...

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Suppression]:
        """The list by alias, after ``after``."""
        ...
