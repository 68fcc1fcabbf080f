"""Enrolment: the members of audiences as a stream, whether they are enriched or not."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from audience_service.audiences import require_audience
from audience_service.errors import audience_building
from audience_service.members import with_prospects
from audience_service.model import Departure, Member, Membership
from audience_service.ports import Store, Transaction
from audience_service.signals import Signals
from servicekit.errors import unavailable

_PAGE: Final = 500
# What other processes have changed is looked up this often.
_POLL_SECONDS: Final = 2.0


class Position(NamedTuple):
    """How far a stream has come: who joined, and what changed since; None before the first page."""

    seq: int = 0
    change: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a stream: departures come before members."""

    members: Sequence[Member]
    departures: Sequence[Departure]
    position: Position
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """Whose members are streamed: those of any of ``audiences`` and of none of ``excluded``."""

    workspace: str
    audiences: Sequence[str]
    excluded: Sequence[str] = ()


class Enrolment:
    """Use case of StreamProspects."""

    def __init__(self, *, store: Store, signals: Signals) -> None:
        self._store = store
        self._signals = signals
        self._draining = False

    async def drain(self) -> None:
        """End the streams that follow, now and from now on."""
        self._draining = True
        self._signals.send(_DRAIN)

    async def stream(self, who: Enrolled, *, after: Position, follow: bool) -> AsyncGenerator[Page]:
        """Yield members by seq; with ``follow`` go on with who joins, changes and leaves.

        A person in several audiences comes once. Each page is one transaction, so a stream of any
        length holds no other up. UNAVAILABLE, SERVER_DRAINING, when the server stops.
        """
        position = after
        with (
            self._signals.listen(("members", who.workspace)) as news,
            self._signals.listen(_DRAIN, wake=news),
        ):
            while True:
                page = await self._store.read(_Read(who, position, follow).work)
                if page.members or page.departures:
                    yield page
                position = page.position
                if not page.is_last:
                    continue
                if not follow:
                    return
                if self._draining:
                    raise unavailable(
                        "SERVER_DRAINING",
                        "The server is about to stop. Come back with the last cursor.",
                    )
                await news.wait(at_most=_POLL_SECONDS)


_DRAIN: Final = "drain"


class _Read:
    """Reads one page."""

    def __init__(self, who: Enrolled, position: Position, follow: bool) -> None:
        self._who = who
        self._position = position
        self._follow = follow

    async def work(self, tx: Transaction) -> Page:
        who, position = self._who, self._position
        for each in (*who.audiences, *who.excluded):
            if (await require_audience(tx, who.workspace, each)).building:
                raise audience_building(who.workspace, each)
        if position.change is None:
            position = position._replace(change=await tx.changes.last_seq(who.workspace))
        if self._follow:
            news = await self._news(tx, position)
            if not news.is_last:
                return news
        else:
            news = Page(members=[], departures=[], position=position, is_last=True)
        joined = await tx.members.stream_page(
            who.workspace,
            who.audiences,
            excluded=who.excluded,
            after=position.seq,
            limit=_PAGE,
        )
        reached = joined[-1].seq if joined else position.seq
        members = [*news.members, *await with_prospects(tx, who.workspace, joined)]
        return replace(
            news,
            members=members,
            position=news.position._replace(seq=reached),
            is_last=len(joined) < _PAGE,
        )

    async def _news(self, tx: Transaction, position: Position) -> Page:
        """What happened to those who joined before; read to its end before anybody new comes.

        Otherwise somebody who left and joined again would join first and leave then.
        """
        who, after = self._who, position.change or 0
        left = await tx.changes.departures(
            who.workspace, who.audiences, excluded=who.excluded, after=after, limit=_PAGE
        )
        changed = await tx.changes.changed(
            who.workspace,
            who.audiences,
            excluded=who.excluded,
            joined_up_to=position.seq,
            after=after,
            limit=_PAGE,
        )
        # Beyond the end of a full list nothing is known of that list.
        ends = [_number(each[-1]) for each in (left, changed) if len(each) == _PAGE]
        full = bool(ends)
        reached = min(ends) if full else await tx.changes.last_seq(who.workspace)
        members = [each for each in changed if each.change_seq <= reached]
        return Page(
            members=await with_prospects(tx, who.workspace, members),
            departures=[each for each in left if each.seq <= reached],
            position=position._replace(change=reached),
            is_last=not full,
        )


def _number(each: Departure | Membership) -> int:
    return each.seq if isinstance(each, Departure) else each.change_seq
