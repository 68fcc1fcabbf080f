"""How far the enrichment service's event log has been read, and what a snapshot has listed.

As in ``audience_records``, no method commits, and workspaces and ids come checked.
"""

from typing import NamedTuple, Protocol


class LogPosition(Protocol):
    """Where the enrichment service's event log has been read to."""

    async def get(self) -> str:
        """The cursor, empty before the first event."""
        ...

    async def move(self, *, old: str, new: str) -> bool:
        """Set the cursor if it still is ``old``; False when another process was faster."""
        ...


class Unlisted(NamedTuple):
    """Members of an audience who waited, and whom a snapshot has not listed."""

    audience: str
    members: int
    first_seq: int


class SnapshotRecords(Protocol):
    """Which members a snapshot of the enrichment service has listed."""

    async def workspaces(self) -> list[str]:
        """All workspaces that have audiences."""
        ...

    async def begin(self, workspace: str) -> None:
        """Take every member who was submitted as not listed: the next event of each applies."""
        ...

    async def end(self, workspace: str) -> list[Unlisted]:
        """Take whoever is not listed and waits as not submitted; counters are the caller's.

        Whoever has been done keeps what is known.
        """
        ...
