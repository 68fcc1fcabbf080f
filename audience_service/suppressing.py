"""The suppression list: whom nobody of a workspace may contact."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from audience_service.model import Departure, DepartureReason, MemberState
from audience_service.ports import Store, Transaction
from audience_service.profile_urls import parse_urls
from audience_service.prospect_records import Suppression
from audience_service.prospects import require_prospects
from audience_service.signals import Signals
from servicekit.clock import Clock


class Suppressions:
    """Use cases of the list. People are named by URLs and by ids of prospects."""

    def __init__(self, *, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

    async def add(self, workspace: str, *, urls: Sequence[str], prospects: Sequence[str]) -> int:
        """Put people on the list and call off their views; returns how many ids are new on it."""
        aliases = {each.alias for each in parse_urls(urls)}

        async def work(tx: Transaction) -> int:
            people, names = await _persons(tx, workspace, aliases, prospects)
            new = people - await tx.prospects.suppressed_among(workspace, people)
            await tx.prospects.set_suppressed(workspace, new, to=True)
            profiles: defaultdict[str, list[str]] = defaultdict(list)
            members = await tx.members.of_prospects(workspace, new)
            await tx.changes.depart(
                workspace,
                [Departure(m.audience, m.prospect, DepartureReason.SUPPRESSED) for m in members],
            )
            for each in members:
                if each.state is MemberState.PENDING and each.profile:
                    profiles[each.audience].append(each.profile)
            for audience, theirs in profiles.items():
                await tx.members.add_withdrawals(workspace, audience, theirs)
            return await tx.suppressions.add(workspace, names, now_ms=self._clock.now_ms())

        return await self._changed(workspace, await self._store.write([workspace], work))

    async def remove(self, workspace: str, *, urls: Sequence[str], prospects: Sequence[str]) -> int:
        """Take people off the list, and let them be viewed again; returns how many ids left it."""
        aliases = {each.alias for each in parse_urls(urls)}

        async def work(tx: Transaction) -> int:
            people, names = await _persons(tx, workspace, aliases, prospects)
            old = await tx.prospects.suppressed_among(workspace, people)
            await tx.prospects.set_suppressed(workspace, old, to=False)
            await _come_back(tx, workspace, old)
            return await tx.suppressions.drop(workspace, names)

        return await self._changed(workspace, await self._store.write([workspace], work))

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Suppression]:
        """The list by alias, after ``after``."""
        return await self._store.read(
            lambda tx: tx.suppressions.page(workspace, after=after, limit=limit)
        )

    async def _changed(self, workspace: str, count: int) -> int:
        self._signals.send("submitting")
        self._signals.send(("members", workspace))
        return count


async def _persons(
    tx: Transaction, workspace: str, aliases: set[str], prospects: Sequence[str]
) -> tuple[set[str], set[str]]:
    """Prospects that are meant, and every name of theirs beside ``aliases``."""
    people = {each.id for each in await require_prospects(tx, workspace, prospects)}
    if aliases:
        people.update((await tx.prospects.by_aliases(workspace, aliases)).values())
    names = await tx.prospects.aliases_of(workspace, people)
    return people, aliases.union(*names.values())


async def _come_back(tx: Transaction, workspace: str, people: set[str]) -> None:
    """Tell those who follow, and submit once more who was never viewed."""
    members = await tx.members.of_prospects(workspace, people)
    await tx.changes.number(workspace, members)
    await tx.members.update(workspace, members)
    waiting: defaultdict[str, list[int]] = defaultdict(list)
    profiles: defaultdict[str, list[str]] = defaultdict(list)
    for each in members:
        if each.state in (MemberState.NOT_SUBMITTED, MemberState.PENDING):
            waiting[each.audience].append(each.seq)
            profiles[each.audience].append(each.profile)
    for name, seqs in waiting.items():
        await tx.members.drop_withdrawals(workspace, name, profiles[name])
        audience = await tx.audiences.get(workspace, name)
        if audience is None or audience.ending:
            continue
        if min(seqs) <= audience.submitted_seq:
            await tx.audiences.update(replace(audience, submitted_seq=min(seqs) - 1))
