"""Use cases of the event log: follow it, read a page of it, describe it."""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from enrichment_service.event_cursors import (
    Cursor,
    Place,
    Position,
    StreamId,
    decode_cursor,
    encode_cursor,
)
from enrichment_service.event_filter import EventFilter, Selection
from enrichment_service.event_log import EventLog, Extent, LogStore, check
from enrichment_service.event_news import News
from enrichment_service.event_pages import LoggedEvent, cut
from enrichment_service.event_stream import EventStream, Send
from enrichment_service.ports import PARTITIONS
from servicekit.errors import invalid_argument, unavailable

_CHECKPOINT_SECONDS = 10.0
_LAST_SEQ = 2**64 - 1
_LATEST_MS = 253_402_300_799_999  # the end of the year 9999
_PAGE_BYTES = 3 * 1024 * 1024


class Start(Enum):
    """Where to start without a cursor."""

    NOW = auto()
    EARLIEST = auto()
    SNAPSHOT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a subscriber asks for. A cursor comes before a time, a time before a named start.

    Attributes:
        start_ms: start with the first event at or after this time.
        joined: events come with what the cache knows of the person they name.
    """

    selection: Selection
    start: Start = Start.NOW
    start_ms: int | None = None
    after_cursor: str = ""
    joined: bool = True
    stop_when_caught_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """A page of the log, and the cursor behind it."""

    events: list[LoggedEvent]
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogDescription:
    """The log by partition, and how many subscribers this process has."""

    extents: dict[int, Extent]
    subscriber_count: int


class Events:
    """Readers of the log."""

    def __init__(
        self, store: LogStore, news: News, *, checkpoint_seconds: float = _CHECKPOINT_SECONDS
    ) -> None:
        """`checkpoint_seconds`: a subscriber that got nothing for so long gets a checkpoint."""
        self._log = EventLog(store, news)
        self._news = news
        self._checkpoint_seconds = checkpoint_seconds
        self._ending = asyncio.Event()
        self._streams: set[asyncio.Task[Any]] = set()
        self._consumers: dict[EventStream, str] = {}

    async def subscribe(self, subscription: Subscription, send: Send, *, consumer: str) -> None:
        """Delivers to `send` until cancelled, until caught up if asked to, or until the drain.

        `consumer` is the kind of the caller, for `lags`.

        INVALID_ARGUMENT naming after_cursor; OUT_OF_RANGE (CURSOR_EXPIRED, LOG_EPOCH_CHANGED) when
        events are missing, at first or later; UNAVAILABLE (SERVER_DRAINING) when the server stops.
        """
        if self._ending.is_set():
            raise unavailable("SERVER_DRAINING", "The server is about to stop. Ask another one.")
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            await self._follow(subscription, send, consumer=consumer)
        finally:
            self._streams.discard(task)

    def lags(self, now_ms: int) -> list[tuple[str, int]]:
        """Every open subscription's consumer, and how far behind it is, in milliseconds."""
        return [(consumer, each.lag_ms(now_ms)) for each, consumer in self._consumers.items()]

    async def _follow(self, subscription: Subscription, send: Send, *, consumer: str) -> None:
        selection = subscription.selection
        with self._news.listen(selection.partitions()) as listener:
            # A shard may have no partition at all; any one tells the retention.
            extents = await self._log.extents_for_opener(listener.partitions or frozenset({0}))
            stream = EventStream(
                log=self._log,
                news=self._news,
                listener=listener,
                ending=self._ending,
                selection=selection,
                start=_start(subscription, extents),
                joined=subscription.joined,
                send=send,
                checkpoint_seconds=self._checkpoint_seconds,
            )
            self._consumers[stream] = consumer
            try:
                await stream.run(
                    retention_ms=next(iter(extents.values())).retention_ms,
                    stop_when_caught_up=subscription.stop_when_caught_up,
                )
            finally:
                del self._consumers[stream]

    async def list(
        self, event_filter: EventFilter, *, joined: bool, limit: int, after_cursor: str
    ) -> EventPage:
        """At most `limit` events behind the cursor, from the oldest without one.

        Partition by partition, so in order per account. Empty only when there is nothing newer.
        INVALID_ARGUMENT naming page_token; OUT_OF_RANGE as in `subscribe`.
        """
        selection = Selection(filter=event_filter)
        positions, place = _start(
            Subscription(selection=selection, start=Start.EARLIEST, after_cursor=after_cursor),
            await self._log.extents(selection.partitions()),
            field="page_token",
        )
        if place is not None:
            raise invalid_argument(
                "page_token",
                "lies inside a snapshot; only SubscribeEvents can go on from there",
                reason="CURSOR_INSIDE_SNAPSHOT",
            )
        starts, found = dict(positions), list[LoggedEvent]()
        for partition in positions:
            ends = False
            while not ends and len(found) < limit:
                page = await self._log.read(partition, positions[partition], joined=joined)
                wanted = [event for event in page.events if event_filter.wants(event.entry)]
                taken = wanted[: limit - len(found)]
                found += taken
                rest = len(taken) < len(wanted)
                positions[partition] = taken[-1].position if rest else page.position
                ends = page.ends
        kept = next(cut(found, _PAGE_BYTES), [])
        cut_short = {event.partition for event in found[len(kept) :]}
        positions |= {partition: starts[partition] for partition in cut_short}
        positions |= {e.partition: e.position for e in kept if e.partition in cut_short}
        return EventPage(
            events=kept,
            cursor=encode_cursor(Cursor(positions), fingerprint=selection.fingerprint()),
        )

    async def describe(self) -> LogDescription:
        """The whole log."""
        return LogDescription(
            extents=await self._log.extents(range(PARTITIONS)),
            subscriber_count=self._news.listener_count,
        )

    async def drain(self) -> None:
        """Ends all subscriptions, each with its cursor, and waits for that; takes no new ones."""
        self._ending.set()
        self._news.ring_all()
        if self._streams:
            await asyncio.wait(set(self._streams))


def _start(
    subscription: Subscription, extents: dict[int, Extent], *, field: str = "after_cursor"
) -> Cursor:
    """Where to start."""
    partitions = sorted(subscription.selection.partitions())
    if subscription.after_cursor:
        cursor = decode_cursor(
            subscription.after_cursor,
            fingerprint=subscription.selection.fingerprint(),
            partitions=frozenset(partitions),
            field=field,
        )
        for partition, position in cursor.positions.items():
            extent = extents[partition]
            check(position, epoch=extent.epoch, trimmed=extent.trimmed)
        return cursor
    positions = {
        partition: Position(extents[partition].epoch, _start_in(extents[partition], subscription))
        for partition in partitions
    }
    lists = subscription.start is Start.SNAPSHOT and subscription.start_ms is None
    # Without a partition there is nothing to list; the end of that is said all the same.
    place = Place(partitions[0] if partitions else 0, "", "") if lists else None
    return Cursor(positions, place)


def _start_in(extent: Extent, subscription: Subscription) -> StreamId:
    if subscription.start_ms is not None:
        # Behind everything before that time; what is gone already was never promised.
        before = StreamId(min(max(subscription.start_ms - 1, 0), _LATEST_MS), _LAST_SEQ)
        return max(before, extent.trimmed)
    if subscription.start is Start.EARLIEST:
        return extent.trimmed
    # The tail of an empty log that was trimmed begins where that ended.
    return max(extent.head, extent.trimmed)
