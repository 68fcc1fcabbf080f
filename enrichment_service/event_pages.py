"""Pages of the log as many readers share them: read once, filtered once, kept for a moment.

A page that was full when it was read stays true, whatever is appended. One that ended with the log
is true until somebody rings. Profile data in it is as old as the page, so pages are kept for
seconds only, and those of a partition go as soon as anybody of it is erased.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from enrichment_service.event_cursors import Position
from enrichment_service.event_filter import EventFilter

# Well below the 4 MiB that callers accept without being told.
BATCH_BYTES = 768 * 1024
_PAGES_KEPT = 48
_KEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True, eq=False)
class Event:
    """An event with what the cache knows of the person it names.

    Attributes:
        event_id: unique for ever, the same for every reader.
        time_ms: when; None if that is not known.
        entry: the log's own fields, as `_log.lua` lists them.
        record: of the person, as `read_events.lua` lists it; None without one, or if not asked for.
        now_ms: calendar time of the reading.
        weight: about the bytes it takes in a message.
    """

    event_id: str
    time_ms: int | None
    entry: Mapping[str, Any]
    record: Mapping[str, Any] | None
    now_ms: int
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoggedEvent(Event):
    """An entry of the log; reading goes on behind `position`."""

    partition: int
    position: Position


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True, eq=False)
class Batch:
    """Events of one message, one object for everybody who gets them."""

    events: Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Page:
    """Entries of one partition in order; `ends` when nothing newer was there."""

    events: list[LoggedEvent]
    position: Position
    ends: bool
    _batches: dict[EventFilter, list[tuple[Position, Batch]]] = field(default_factory=dict)

    def batches(self, event_filter: EventFilter) -> list[tuple[Position, Batch]]:
        """What passes the filter, in batches, each with the position to go on behind."""
        batches = self._batches.get(event_filter)
        if batches is None:
            wanted = [event for event in self.events if event_filter.wants(event.entry)]
            batches = [
                (events[-1].position, Batch(events=events)) for events in cut(wanted, BATCH_BYTES)
            ]
            if batches:
                batches[-1] = self.position, batches[-1][1]
            self._batches[event_filter] = batches
        return batches

    def behind(self, position: Position) -> "Page":
        """What of it follows a position that lies in it."""
        rest = [event for event in self.events if event.position.after > position.after]
        return Page(events=rest, position=self.position, ends=self.ends)


class PageCache:
    """The pages that were read last, for whoever reads there next."""

    def __init__(self) -> None:
        # By where they begin, the oldest first; with the number of rings that was known, and when
        # they were read.
        self._pages: OrderedDict[tuple[int, bool, Position], tuple[Page, int, float]] = (
            OrderedDict()
        )

    def find(self, partition: int, position: Position, *, joined: bool, rings: int) -> Page | None:
        """A page that goes on from the position, or its rest."""
        oldest = asyncio.get_running_loop().time() - _KEPT_SECONDS
        while self._pages and next(iter(self._pages.values()))[2] < oldest:
            self._pages.popitem(last=False)
        found = self._pages.get((partition, joined, position))
        if found is not None:
            page, known, _ = found
            return page if not page.ends or known == rings else None
        for (of, with_data, start), (page, known, _) in self._pages.items():
            same = of == partition and with_data == joined and start.epoch == position.epoch
            inside = same and start.after < position.after < page.position.after
            if inside and (not page.ends or known == rings):
                return page.behind(position)
        return None

    def keep(
        self, partition: int, position: Position, page: Page, *, joined: bool, rings: int
    ) -> None:
        """Keep a page that was read from the position when so much had been rung."""
        key = partition, joined, position
        self._pages[key] = page, rings, asyncio.get_running_loop().time()
        self._pages.move_to_end(key)
        if len(self._pages) > _PAGES_KEPT:
            self._pages.popitem(last=False)

    def drop(self, partition: int) -> None:
        """Forget the pages of a partition."""
        for key in [key for key in self._pages if key[0] == partition]:
            del self._pages[key]


EventT = TypeVar("EventT", bound=Event)


def cut(events: Iterable[EventT], most_bytes: int) -> Iterator[list[EventT]]:
    """The events in order, in lists of at most about that many bytes (one event at least)."""
    batch: list[EventT] = []
    weight = 0
    for event in events:
        if batch and weight + event.weight > most_bytes:
            yield batch
            batch, weight = [], 0
        batch.append(event)
        weight += event.weight
    if batch:
        yield batch
