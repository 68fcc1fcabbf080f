"""One subscription: reads the log at the subscriber's own pace and says where it is."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from enrichment_service.event_cursors import Position, encode_cursor
from enrichment_service.event_filter import Selection
from enrichment_service.event_log import EventLog, LoggedEvent, Page
from enrichment_service.event_news import Listener, News
from servicekit.errors import unavailable

# Well below the 4 MiB that callers accept without being told.
_BATCH_BYTES = 768 * 1024


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
    events: Sequence[LoggedEvent] = ()
    retention_ms: int = 0


Send = Callable[[Message], Awaitable[None]]
"""Returns when the subscriber can take the next message; nothing is queued in front of it."""


class EventStream:
    """Delivers what follows the positions until it is cancelled, caught up or drained."""

    def __init__(
        self,
        *,
        log: EventLog,
        news: News,
        listener: Listener,
        ending: asyncio.Event,
        selection: Selection,
        positions: dict[int, Position],
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
        self._positions = positions
        self._joined = joined
        self._write = send
        self._checkpoint_seconds = checkpoint_seconds
        # Partitions whose end has not been seen since the subscription began or fell behind.
        self._behind = set(positions)
        self._caught_up = False
        self._last_sent = 0.0

    async def run(self, *, retention_ms: int, stop_when_caught_up: bool) -> None:
        """Ends by itself once caught up if told so; UNAVAILABLE, SERVER_DRAINING on a drain."""
        await self._send(MessageKind.OPENED, retention_ms=retention_ms)
        while not self._ending.is_set():
            partition = self._listener.take()
            if partition is not None:
                await self._advance(partition)
            if not self._behind and not self._caught_up:
                self._caught_up = True
                await self._send(MessageKind.CAUGHT_UP)
            if self._caught_up and stop_when_caught_up:
                return
            left = self._last_sent + self._checkpoint_seconds - asyncio.get_running_loop().time()
            if left <= 0:
                await self._send(MessageKind.CHECKPOINT)
            elif partition is None:
                await self._wait(left)
        await self._send(MessageKind.DRAINING)
        raise unavailable(
            "SERVER_DRAINING", "The server is about to stop. Come back with the last cursor."
        )

    async def _wait(self, seconds: float) -> None:
        rung = await self._listener.wait(seconds)
        if not rung and not self._news.live:
            self._listener.ring_all()

    async def _advance(self, partition: int) -> None:
        """Deliver one page of the partition."""
        page = await self._log.read_shared(
            partition, self._positions[partition], joined=self._joined
        )
        await self._note_distance(partition, page)
        wanted = [event for event in page.events if self._filter.wants(event.entry)]
        for batch in cut(wanted, _BATCH_BYTES):
            last = batch[-1] is wanted[-1]
            self._positions[partition] = page.position if last else batch[-1].position
            await self._send(MessageKind.BATCH, events=batch)
        self._positions[partition] = page.position

    async def _note_distance(self, partition: int, page: Page) -> None:
        if page.ends:
            self._behind.discard(partition)
            return
        self._listener.ring(partition)
        if self._caught_up:
            self._caught_up = False
            await self._send(MessageKind.FELL_BEHIND)
        self._behind.add(partition)

    async def _send(
        self, kind: MessageKind, *, events: Sequence[LoggedEvent] = (), retention_ms: int = 0
    ) -> None:
        cursor = encode_cursor(self._positions, fingerprint=self._fingerprint)
        await self._write(
            Message(kind=kind, cursor=cursor, events=events, retention_ms=retention_ms)
        )
        self._last_sent = asyncio.get_running_loop().time()


def cut(events: Iterable[LoggedEvent], most_bytes: int) -> Iterator[list[LoggedEvent]]:
    """The events in order, in lists of at most about that many bytes (one event at least)."""
    batch: list[LoggedEvent] = []
    weight = 0
    for event in events:
        if batch and weight + event.weight > most_bytes:
            yield batch
            batch, weight = [], 0
        batch.append(event)
        weight += event.weight
    if batch:
        yield batch
