"""One subscription: reads the log at the subscriber's own pace and says where it is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

from enrichment_service import event_pages
from enrichment_service.event_cursors import Cursor, Place, encode_cursor
from enrichment_service.event_filter import Selection
from enrichment_service.event_log import EventLog
from enrichment_service.event_news import Listener, News
from enrichment_service.event_pages import Batch, Page, cut
from enrichment_service.event_snapshot import read_states
from servicekit.errors import unavailable


class MessageKind(Enum):
    """What a message says."""

    OPENED = auto()
    BATCH = auto()
    CHECKPOINT = auto()
    CAUGHT_UP = auto()
    FELL_BEHIND = auto()
    SNAPSHOT_END = auto()
    DRAINING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a subscriber gets: reading can go on behind it with its cursor."""

    kind: MessageKind
    cursor: str
    batch: Batch | None = None
    retention_ms: int = 0


Send = Callable[[Message], Awaitable[None]]
"""Returns when the subscriber can take the next message; nothing is queued in front of it."""


class EventStream:
    """Delivers what follows the start until it is cancelled, caught up or drained."""

    def __init__(
        self,
        *,
        log: EventLog,
        news: News,
        listener: Listener,
        ending: asyncio.Event,
        selection: Selection,
        start: Cursor,
        joined: bool,
        send: Send,
        checkpoint_seconds: float,
    ) -> None:
        self._log = log
        self._news = news
        self._listener = listener
        self._ending = ending
        self._filter = selection.filter
        self._fingerprint = selection.fingerprint()
        self._positions, self._place = start
        self._joined = joined
        self._write = send
        self._checkpoint_seconds = checkpoint_seconds
        # Partitions whose end has not been seen since the subscription began or fell behind.
        self._behind = set(start.positions)
        # Times of events: how far those have come that are known to go on, and what is on its way.
        self._reached_ms: dict[int, int] = {}
        self._on_its_way_ms: int | None = None
        self._caught_up = False
        self._last_sent = 0.0

    def lag_ms(self, now_ms: int) -> int:
        """About how old the oldest event is that the subscriber has not got; 0 when caught up."""
        times = [*self._reached_ms.values()]
        if self._on_its_way_ms is not None:
            times.append(self._on_its_way_ms)
        return max((now_ms - time for time in times), default=0)

    async def run(self, *, retention_ms: int, stop_when_caught_up: bool) -> None:
        """Ends by itself once caught up if told so; UNAVAILABLE, SERVER_DRAINING on a drain."""
        await self._send(MessageKind.OPENED, retention_ms=retention_ms)
        await self._list_states()
        while not self._ending.is_set():
            partition = self._listener.take()
            if partition is not None:
                await self._advance(partition)
            if not self._behind and not self._caught_up:
                self._caught_up = True
                await self._send(MessageKind.CAUGHT_UP)
            if self._caught_up and stop_when_caught_up:
                return
            until_checkpoint = self._until_checkpoint()
            if until_checkpoint <= 0:
                await self._send(MessageKind.CHECKPOINT)
            elif partition is None:
                await self._wait(until_checkpoint)
        await self._send(MessageKind.DRAINING)
        raise unavailable(
            "SERVER_DRAINING", "The server is about to stop. Come back with the last cursor."
        )

    async def _list_states(self) -> None:
        """Deliver the snapshot, or what is left of it."""
        while (place := self._place) is not None and not self._ending.is_set():
            self._place = await self._list_page(place)
            if self._place is None:
                await self._send(MessageKind.SNAPSHOT_END)
            elif self._until_checkpoint() <= 0:
                await self._send(MessageKind.CHECKPOINT)

    async def _list_page(self, place: Place) -> Place | None:
        """Deliver one page of the snapshot; where the next one begins, None behind the last."""
        if not self._positions:
            return None
        page = await read_states(
            self._log.store,
            place,
            self._positions[place.partition],
            event_filter=self._filter,
            joined=self._joined,
        )
        for states in cut(page.states, event_pages.BATCH_BYTES):
            last = states[-1] is page.states[-1]
            self._place = page.place if last else states[-1].place
            await self._send(MessageKind.BATCH, batch=Batch(events=states))
        if not page.ends:
            return page.place
        following = [each for each in self._positions if each > place.partition]
        return Place(min(following), "", "") if following else None

    async def _wait(self, seconds: float) -> None:
        rung = await self._listener.wait(seconds)
        if not rung and not self._news.live:
            self._listener.ring_all()

    def _until_checkpoint(self) -> float:
        return self._last_sent + self._checkpoint_seconds - asyncio.get_running_loop().time()

    async def _advance(self, partition: int) -> None:
        """Deliver one page of the partition."""
        page = await self._log.read_shared(
            partition, self._positions[partition], joined=self._joined
        )
        self._on_its_way_ms = page.events[0].time_ms if page.events else None
        await self._note_distance(partition, page)
        if not page.ends:
            self._log.read_ahead(partition, page.position, joined=self._joined)
        for position, batch in page.batches(self._filter):
            self._positions[partition] = position
            await self._send(MessageKind.BATCH, batch=batch)
        self._positions[partition] = page.position
        self._on_its_way_ms = None

    async def _note_distance(self, partition: int, page: Page) -> None:
        if page.ends:
            self._behind.discard(partition)
            self._reached_ms.pop(partition, None)
            return
        self._reached_ms[partition] = page.position.after.ms
        self._listener.ring(partition)
        if self._caught_up:
            self._caught_up = False
            await self._send(MessageKind.FELL_BEHIND)
        self._behind.add(partition)

    async def _send(
        self, kind: MessageKind, *, batch: Batch | None = None, retention_ms: int = 0
    ) -> None:
        cursor = encode_cursor(Cursor(self._positions, self._place), fingerprint=self._fingerprint)
        await self._write(Message(kind=kind, cursor=cursor, batch=batch, retention_ms=retention_ms))
        self._last_sent = asyncio.get_running_loop().time()
