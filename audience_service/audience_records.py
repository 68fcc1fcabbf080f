"""Audiences as they are kept. The docstrings of records are the contract of every adapter.

No method commits; ``ports.Store`` does. Workspaces and ids come checked.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from audience_service.audience_query import AudienceQuery, Place
from audience_service.model import Audience


class AudienceRecords(Protocol):
    """Audiences. Counters change only by ``count``."""

    async def get(self, workspace: str, audience: str) -> Audience | None:
        """The audience, a deleted one too."""
        ...

    async def page(
        self, workspace: str, query: AudienceQuery, *, after: Place | None, limit: int
    ) -> list[Audience]:
        """Audiences that fit, in the order of the query, after ``after``."""
        ...

    async def insert(self, audience: Audience) -> None:
        """Add one whose id is not taken."""
        ...

    async def update(self, audience: Audience) -> None:
        """Write everything but the counters, ``last_seq`` and the labels."""
        ...

    async def set_labels(self, workspace: str, audience: str, labels: Mapping[str, str]) -> None:
        """Give it these labels and no others."""
        ...

    async def count(
        self, workspace: str, audience: str, changes: Mapping[str, int], *, last_seq: int = 0
    ) -> None:
        """Add ``changes`` to the counters of these names; raise ``last_seq`` to the given one."""
        ...

    async def by_enrichment(self, workspace: str, enrichments: Iterable[str]) -> dict[str, str]:
        """Ids of the audiences of enrichments, without deleted ones and those whose one ends."""
        ...

    async def to_purge(self, *, now_ms: int) -> list[tuple[str, str]]:
        """(workspace, id) of all audiences, of all workspaces, whose ``purge_ms`` has come.

        Those whose enrichment has still to be cancelled are left out.
        """
        ...

    async def delete(self, workspace: str, audience: str) -> None:
        """Take out an audience that has no members, builds and imports any more.

        Its labels, and what is remembered of requests and withdrawals for it, go with it.
        """
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
