"""Takes people out of a workspace for good, within one transaction."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from audience_service.enrichment_model import ProfileData
from audience_service.identity import Identity
from audience_service.model import Departure, DepartureReason, PendingErasure
from audience_service.ports import Transaction
from audience_service.profile_names import strong_aliases
from servicekit.names import random_id

# As many as EraseProfile takes.
_MOST_IDENTIFIERS: Final = 16


def prospect_name(prospect: str) -> str:
    """What a tombstone remembers of a prospect's id: that erasing it again is no error."""
    return f"prospect:{prospect}"


async def erase_people(
    tx: Transaction, workspace: str, ids: Iterable[str], *, aliases: Iterable[str], now_ms: int
) -> None:
    """Erase prospects and whoever was merged into them; ``aliases`` are further names of theirs.

    Prospects, names and memberships go, counters follow, tombstones and pending rows stay.
    """
    people = await tx.prospects.get_many(workspace, ids)
    if not people:
        return
    merged = await tx.prospects.merged_into(workspace, people)
    names = await tx.prospects.aliases_of(workspace, people)
    shown = list(aliases)
    pending: list[PendingErasure] = []
    buried = {prospect_name(each) for each in (*people, *merged)} | set(shown)
    for each in people.values():
        data = ProfileData(provider_id=each.provider_id, member_id=each.member_id)
        known = dict.fromkeys(
            [*names.get(each.id, ()), each.primary_alias, *strong_aliases(data), *shown]
        )
        buried |= set(known)
        found = [view for alias in known if (view := Identity(alias).identifier)]
        pending += [
            PendingErasure(
                workspace=workspace,
                id=random_id(),
                identifiers=found[start : start + _MOST_IDENTIFIERS],
            )
            for start in range(0, max(len(found), 1), _MOST_IDENTIFIERS)
        ]
    await tx.erasures.bury(workspace, buried, now_ms=now_ms)
    # The tombstones keep them out; the list would keep their names.
    await tx.suppressions.drop(workspace, buried)
    await tx.erasures.add_pending(pending, now_ms=now_ms)
    await _leave_audiences(tx, workspace, people)
    await tx.prospects.delete(workspace, merged)
    await tx.prospects.delete(workspace, people)


async def _leave_audiences(tx: Transaction, workspace: str, people: Iterable[str]) -> None:
    changes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    removed = await tx.members.remove_everywhere(workspace, people)
    await tx.changes.depart(
        workspace,
        [Departure(each.audience, each.prospect, DepartureReason.ERASED) for each in removed],
    )
    for membership in removed:
        theirs = changes[membership.audience]
        theirs["members"] -= 1
        theirs[membership.state.name.lower()] -= 1
    for audience, counts in changes.items():
        del counts["not_submitted"]
        await tx.audiences.count(workspace, audience, counts)
