"""What is kept, kind by kind: the parts of a transaction. The docstrings are the contract.

No method commits; ``ports.Store`` does. Workspaces and ids come checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from audience_service.model import Audience, Membership, Prospect


class Coverage(NamedTuple):
    """``ready`` counts members by tag, ``complete`` those who have every required one."""

    members: int
    complete: int
    ready: Mapping[str, int]


class Suppression(NamedTuple):
    """An alias of somebody whom nobody may contact."""

    alias: str
    create_ms: int


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


class MemberRecords(Protocol):
    """Memberships. Counters of the audience are the caller's to change in the same transaction."""

    async def join(
        self,
        workspace: str,
        audience: str,
        prospects: Sequence[str],
        *,
        first_seq: int,
        now_ms: int,
        import_number: int = 0,
    ) -> None:
        """Add members who are none yet, with consecutive seqs in the given order."""
        ...

    async def last_imports(
        self, workspace: str, audience: str, prospects: Iterable[str]
    ) -> dict[str, int]:
        """Those who are members, with the number of the import that met them last."""
        ...

    async def mark(
        self, workspace: str, audience: str, prospects: Iterable[str], *, import_number: int
    ) -> None:
        """Set the import that met these members last."""
        ...

    async def remove(
        self, workspace: str, audience: str, prospects: Iterable[str]
    ) -> list[Membership]:
        """Take members out; returns those that were there. Their profiles are to be withdrawn."""
        ...

    async def remove_everywhere(self, workspace: str, prospects: Iterable[str]) -> list[Membership]:
        """Take prospects out of every audience; returns the memberships they had."""
        ...

    async def page(
        self, workspace: str, audience: str, *, after: int, limit: int
    ) -> list[Membership]:
        """Members by seq, after ``after``."""
        ...

    async def stream_page(
        self,
        workspace: str,
        audiences: Sequence[str],
        *,
        excluded: Sequence[str],
        after: int,
        limit: int,
    ) -> list[Membership]:
        """Members of any of ``audiences`` and of none of ``excluded``, by seq, after ``after``.

        A person in several comes once, where it joined first.
        """
        ...

    async def coverage(
        self, workspace: str, audience: str, tags: Sequence[str], *, required: Sequence[str]
    ) -> Coverage:
        """How many members have a value for merge tags, counted in one statement."""
        ...

    async def of_prospects(self, workspace: str, prospects: Iterable[str]) -> list[Membership]:
        """All memberships of prospects, in every audience."""
        ...

    async def of_profiles(
        self, workspace: str, audience: str, profiles: Iterable[str]
    ) -> list[Membership]:
        """Members of an audience that were submitted as these profiles."""
        ...

    async def update(self, workspace: str, memberships: Sequence[Membership]) -> None:
        """Write state, degree, profile and event revision of memberships."""
        ...

    async def move(self, workspace: str, audience: str, *, prospect: str, to_prospect: str) -> None:
        """Give a membership to another prospect, who has none in that audience."""
        ...

    async def add_withdrawals(self, workspace: str, audience: str, profiles: Iterable[str]) -> None:
        """Remember profiles to withdraw; one that is remembered already is no error."""
        ...

    async def withdrawals(self, workspace: str, audience: str, *, limit: int) -> list[str]:
        """Profiles that are to be withdrawn."""
        ...

    async def drop_withdrawals(
        self, workspace: str, audience: str, profiles: Iterable[str]
    ) -> None:
        """Forget profiles that have been withdrawn."""
        ...


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
