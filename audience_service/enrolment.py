"""Enrolment: the members of audiences as a stream, whether they are enriched or not."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from audience_service.audiences import require_audience
from audience_service.errors import audience_building
from audience_service.members import with_prospects
from audience_service.model import Member
from audience_service.ports import Store, Transaction

_PAGE: Final = 500


class Enrolment:
    """Use case of StreamProspects."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    async def stream(
        self,
        workspace: str,
        audiences: Sequence[str],
        *,
        excluded: Sequence[str],
        after: int,
    ) -> AsyncGenerator[list[Member]]:
        """Yield members of any of the audiences and of none of the excluded, pages by seq.

        A person in several audiences comes once. Each page is one transaction, so a stream of any
        length holds no other up; the seq of a page's last member is where to go on.
        """

        async def work(tx: Transaction) -> list[Member]:
            for each in (*audiences, *excluded):
                if (await require_audience(tx, workspace, each)).building:
                    raise audience_building(workspace, each)
            found = await tx.members.stream_page(
                workspace, audiences, excluded=excluded, after=after, limit=_PAGE
            )
            return await with_prospects(tx, workspace, found)

        while True:
            members = await self._store.read(work)
            if members:
                yield members
                after = members[-1].membership.seq
            if len(members) < _PAGE:
                return
