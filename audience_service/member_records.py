"""Memberships, and the profiles of those who left.

As in ``audience_records``, no method commits, and workspaces and ids come checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from audience_service.model import Membership


class Coverage(NamedTuple):
    """``ready`` counts members by tag, ``complete`` those who have every required one."""

    members: int
    complete: int
    ready: Mapping[str, int]


class Unready(NamedTuple):
    """Members who lack something; ``reached`` is the seq to go on behind, None at the end."""

    members: Sequence[Membership]
    reached: int | None


class TakenBack(NamedTuple):
    """Members from ``first_seq`` on, ``pending`` of whom were pending."""

    first_seq: int
    pending: int


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

    async def unready(
        self,
        workspace: str,
        audience: str,
        required: Sequence[str],
        *,
        after: int,
        look_at: int,
        limit: int,
    ) -> Unready:
        """Members without a value for one of ``required``, by seq, of the next ``look_at``."""
        ...

    async def degrees(
        self, workspace: str, audience: str, prospects: Iterable[str]
    ) -> dict[str, int]:
        """Connection degrees of those who are members."""
        ...

    async def take_back(
        self, workspace: str, audience: str, *, up_to: int, limit: int
    ) -> TakenBack | None:
        """Take the last members up to a seq as never submitted, whose enrichment is cancelled.

        Those that are pending go back to not submitted; what is known of the others stays. None
        when there are none.
        """
        ...

    async def delete(self, workspace: str, audience: str, *, limit: int) -> int:
        """Take out so many members, whoever they are; returns how many there were."""
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
