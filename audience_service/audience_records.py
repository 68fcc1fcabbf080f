"""Audiences as they are kept. The docstrings of records are the contract of every adapter.

No method commits; ``ports.Store`` does. Workspaces and ids come checked.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from audience_service.model import Audience


class AudienceRecords(Protocol):
    """Audiences. Counters change only by ``count``."""

    async def get(self, workspace: str, audience: str) -> Audience | None:
        """The audience, a deleted one too."""
        ...

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Audience]:
        """Audiences that are not deleted, by id, after ``after``."""
        ...

    async def insert(self, audience: Audience) -> None:
        """Add one whose id is not taken."""
        ...

    async def update(self, audience: Audience) -> None:
        """Write everything but the counters and ``last_seq``."""
        ...

    async def count(
        self, workspace: str, audience: str, changes: Mapping[str, int], *, last_seq: int = 0
    ) -> None:
        """Add ``changes`` to the counters of these names; raise ``last_seq`` to the given one."""
        ...

    async def by_enrichment(self, workspace: str, enrichments: Iterable[str]) -> dict[str, str]:
        """Ids of the audiences of enrichments, a deleted audience left out."""
        ...

    async def to_submit(self) -> list[tuple[str, str]]:
        """(workspace, id) of all audiences, of all workspaces, with work for the submitter."""
        ...

    async def take_seq(self, workspace: str, count: int) -> int:
        """Take ``count`` numbers, higher than any taken before; returns the first."""
        ...

    async def remember_request(
        self, workspace: str, request_id: str, *, fingerprint: str, resource: str, now_ms: int
    ) -> None:
        """Keep what a request id has created."""
        ...

    async def recall_request(self, workspace: str, request_id: str) -> tuple[str, str] | None:
        """(fingerprint, resource) of a request id that was kept."""
        ...
