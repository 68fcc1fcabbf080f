"""Prospects: the people of a workspace, by themselves."""

from collections.abc import Mapping, Sequence

from audience_service.errors import etag_mismatch
from audience_service.model import Prospect
from audience_service.ports import Store, Transaction
from audience_service.provenance import edit_fields, fold
from audience_service.signals import Signals
from servicekit.clock import Clock
from servicekit.errors import not_found


async def require_prospects(tx: Transaction, workspace: str, ids: Sequence[str]) -> list[Prospect]:
    """The prospects of these ids in their order; who was merged is replaced by the survivor.

    NOT_FOUND, PROSPECT_NOT_FOUND, names the first that is not known.
    """
    if not ids:
        return []
    found = await tx.prospects.get_many(workspace, ids)
    survivors = {each.merged_into for each in found.values() if each.merged_into}
    if survivors:
        found |= await tx.prospects.get_many(workspace, survivors)
    people: list[Prospect] = []
    for prospect_id in ids:
        prospect = found.get(prospect_id)
        if prospect is None:
            raise not_found("prospect", f"workspaces/{workspace}/prospects/{prospect_id}")
        people.append(found[prospect.merged_into] if prospect.merged_into else prospect)
    return people


def place(prospect: Prospect, field: str) -> tuple[str, str]:
    """Where a prospect stands among those found by a field."""
    return fold(prospect.fields.get(field, "")), prospect.id


class Prospects:
    """Use cases of single prospects."""

    def __init__(self, *, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

    async def get(self, workspace: str, prospect: str) -> Prospect:
        """The prospect, or the one that it was merged into."""

        async def work(tx: Transaction) -> Prospect:
            [found] = await require_prospects(tx, workspace, [prospect])
            return found

        return await self._store.read(work)

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Prospect]:
        """Prospects by id, after ``after``."""
        return await self._store.read(
            lambda tx: tx.prospects.page(workspace, after=after, limit=limit)
        )

    async def search(
        self,
        workspace: str,
        *,
        field: str,
        prefix: str,
        after: tuple[str, str] | None,
        limit: int,
    ) -> list[Prospect]:
        """Prospects whose field begins with ``prefix`` in any case, by value and id.

        ``after`` is the ``place`` of the last one of the page before.
        """
        wanted = fold(prefix)
        return await self._store.read(
            lambda tx: tx.prospects.search(
                workspace, field=field, prefix=wanted, after=after, limit=limit
            )
        )

    async def edit(
        self, workspace: str, prospect: str, changes: Mapping[str, str], *, etag: str
    ) -> Prospect:
        """Change fields by hand; a blank value clears the field, and ends an earlier edit of it."""

        async def work(tx: Transaction) -> Prospect:
            [found] = await require_prospects(tx, workspace, [prospect])
            if etag and etag != str(found.revision):
                raise etag_mismatch("prospect")
            if changes:
                now_ms = self._clock.now_ms()
                edit_fields(found, changes, now_ms=now_ms)
                found.revision += 1
                found.update_ms = now_ms
                await tx.prospects.update([found])
                members = await tx.members.of_prospects(workspace, [found.id])
                await tx.changes.number(workspace, members)
                await tx.members.update(workspace, members)
            return found

        edited = await self._store.write([workspace], work)
        self._signals.send(("members", workspace))
        return edited
