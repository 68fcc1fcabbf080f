"""What changes in audiences, numbered like the seqs of members.

As in ``audience_records``, no method commits.

Every change takes a number of its own under the writers' lock, so that a reader who follows the
numbers misses nothing.
"""

from collections.abc import Sequence
from typing import Protocol

from audience_service.model import Departure, Membership


class ChangeRecords(Protocol):
    """Changes of members who had joined, and departures."""

    async def last_seq(self, workspace: str) -> int:
        """The highest number that was taken."""
        ...

    async def number(self, workspace: str, memberships: Sequence[Membership]) -> None:
        """Give memberships a new ``change_seq`` each; they are the caller's to write."""
        ...

    async def depart(self, workspace: str, departures: Sequence[Departure]) -> None:
        """Keep that memberships have ended."""
        ...

    async def departures(
        self,
        workspace: str,
        audiences: Sequence[str],
        *,
        excluded: Sequence[str],
        after: int,
        limit: int,
    ) -> list[Departure]:
        """Who left these audiences after a number and is in none of them now, in order.

        Members who came to be in an ``excluded`` audience are among them.
        """
        ...

    async def changed(
        self,
        workspace: str,
        audiences: Sequence[str],
        *,
        excluded: Sequence[str],
        joined_up_to: int,
        after: int,
        limit: int,
    ) -> list[Membership]:
        """Members as ``stream_page`` lists them, who changed after a number, in that order."""
        ...
