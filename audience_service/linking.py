"""Follows the enrichment service's event log and writes what it says to prospects and members.

The cursor moves in the same transaction as what the events change, and only from its old value:
of several processes one wins, and an event that comes twice changes nothing. When the log cannot be
read on from the cursor, a snapshot takes its place.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import structlog

from audience_service.enrichment_model import LogMessage, ProfileEvent, ProfileOutcome
from audience_service.errors import CursorMovedError, LogLostError
from audience_service.graph_loading import load_graph, write_graph
from audience_service.model import MemberState
from audience_service.observing import SILENT, Observer
from audience_service.person_graph import PersonGraph
from audience_service.ports import EnrichmentGateway, Store, Transaction
from audience_service.resync import Resync
from audience_service.signals import Signals
from servicekit.clock import Clock

_log = structlog.get_logger("linking")

_MOST_EVENTS: Final = 1_000
_MOST_WAITING: Final = 32


class Linker:
    """Links enriched profiles to prospects."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        enrichment: EnrichmentGateway,
        signals: Signals,
        observer: Observer = SILENT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._enrichment = enrichment
        self._signals = signals
        self._observer = observer
        self._resync = Resync(store=store, signals=signals)

    async def run(self) -> None:
        """Follow the log until another process is ahead, or a snapshot has to be taken.

        Whoever runs it runs it again.
        """
        cursor = await self._store.read(lambda tx: tx.log_position.get())
        waiting: asyncio.Queue[LogMessage | Exception] = asyncio.Queue(_MOST_WAITING)
        reader = asyncio.create_task(self._read(cursor, waiting))
        try:
            while True:
                message = await _take(waiting)
                if message.ends_snapshot:
                    # The cursor stays inside the snapshot until its end is written, too.
                    await self.apply(cursor, cursor, message.events)
                    await self._resync.end(cursor)
                    message = message._replace(events=[])
                if message.cursor != cursor:
                    await self.apply(cursor, message.cursor, message.events)
                    cursor = message.cursor
        except CursorMovedError:
            _log.info("another process has linked these events")
        except LogLostError as lost:
            _log.warning("event_log_lost", reason=str(lost))
            await self._begin_snapshot(cursor)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def apply(self, old_cursor: str, new_cursor: str, events: Sequence[ProfileEvent]) -> None:
        """Apply events of any workspaces and move the cursor, all or nothing.

        Raises CursorMovedError when another process has done so.
        """
        by_workspace: defaultdict[str, list[ProfileEvent]] = defaultdict(list)
        for event in events:
            by_workspace[event.workspace].append(event)

        async def work(tx: Transaction) -> None:
            if not await tx.log_position.move(old=old_cursor, new=new_cursor):
                raise CursorMovedError
            for workspace, theirs in by_workspace.items():
                await self._link(tx, workspace, theirs)

        with self._observer.work("linking"):
            await self._store.write(list(by_workspace), work)
        now_ms = self._clock.now_ms()
        self._observer.events_linked(
            [now_ms - event.time_ms for event in events if event.time_ms is not None]
        )
        for workspace in by_workspace:
            self._signals.send(("members", workspace))

    async def _begin_snapshot(self, cursor: str) -> None:
        try:
            await self._resync.begin(cursor)
            self._observer.snapshot_begun()
        except CursorMovedError:
            _log.info("another process takes the snapshot")

    async def _read(self, cursor: str, waiting: "asyncio.Queue[LogMessage | Exception]") -> None:
        try:
            async with aclosing(self._enrichment.events(cursor)) as messages:
                async for message in messages:
                    await waiting.put(message)
        except Exception as error:  # handed to the one who reads the queue
            await waiting.put(error)

    async def _link(self, tx: Transaction, workspace: str, events: list[ProfileEvent]) -> None:
        audiences = await tx.audiences.by_enrichment(workspace, {e.enrichment for e in events})
        ours = [event for event in events if event.enrichment in audiences]
        if not ours:
            return
        profiles: defaultdict[str, set[str]] = defaultdict(set)
        for event in ours:
            profiles[audiences[event.enrichment]].add(event.profile)
        graph = await load_graph(
            tx,
            workspace=workspace,
            prospects={event.reference for event in ours},
            profiles=profiles,
            data=[event.data for event in ours if event.data is not None],
            now_ms=self._clock.now_ms(),
        )
        submitted_as = _by_profile(graph)
        for event in ours:
            audience = audiences[event.enrichment]
            people = set(submitted_as.get((audience, event.profile), ()))
            if event.reference in graph.prospects:
                people.add(event.reference)
            if people:
                link_event(graph, event, audience=audience, people=people)
        await write_graph(tx, graph)


def link_event(graph: PersonGraph, event: ProfileEvent, *, audience: str, people: set[str]) -> None:
    """Apply one event to the prospects that were submitted as its profile."""
    if event.outcome is ProfileOutcome.ERASED:
        graph.erase(people)
        return
    if event.data is not None:
        person = graph.learn(sorted(people), event.data)
        if person is not None:
            people = {person}
    for each in {graph.survivor(each) for each in people}:
        membership = graph.memberships.get((audience, each))
        if membership is None or event.revision <= membership.event_revision:
            continue
        membership.event_revision = event.revision
        membership.profile = event.profile
        if event.data is not None and event.data.degree:
            membership.degree = event.data.degree
        graph.set_state(membership, _state(event))
        graph.touch(membership)


def _state(event: ProfileEvent) -> MemberState:
    if event.outcome is ProfileOutcome.WITHDRAWN:
        return MemberState.NOT_SUBMITTED
    if not event.final:
        return MemberState.PENDING
    return MemberState(event.outcome.value)


def _by_profile(graph: PersonGraph) -> dict[tuple[str, str], list[str]]:
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for membership in graph.memberships.values():
        if membership.profile:
            found[membership.audience, membership.profile].append(membership.prospect)
    return found


async def _take(waiting: "asyncio.Queue[LogMessage | Exception]") -> LogMessage:
    """The next message, joined with those that wait behind it, up to a thousand events."""
    cursor, events, ends_snapshot = _or_raise(await waiting.get())
    joined = list(events)
    while not ends_snapshot and len(joined) < _MOST_EVENTS and not waiting.empty():
        following = waiting.get_nowait()
        if isinstance(following, Exception):
            # Raised with the next call: what came before it is good.
            waiting.put_nowait(following)
            break
        cursor, events, ends_snapshot = following
        joined += events
    return LogMessage(cursor, joined, ends_snapshot)


def _or_raise(message: LogMessage | Exception) -> LogMessage:
    if isinstance(message, Exception):
        raise message
    return message
