"""The log as its readers see it: pages of one partition, and where it begins and ends."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import orjson

from enrichment_service.event_cursors import Position, StreamId, parse_id
from enrichment_service.event_news import News
from enrichment_service.event_pages import LoggedEvent, Page, PageCache
from enrichment_service.ports import StorePort
from servicekit.errors import ServiceError, out_of_range

PAGE = 256
"""Entries a read."""

_Key = tuple[int, Position, bool, int]


class LogStore(StorePort, Protocol):
    """The store, and the epochs of its partitions."""

    def epoch(self, partition: int) -> str:
        """MUST change, at the latest during the next call, once the partition's log was lost."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Where a partition's log begins and ends.

    Attributes:
        head: the newest entry; 0-0 when there is none.
        trimmed: the newest entry that is gone; 0-0 when none is.
        oldest: the oldest entry, if any.
        length: entries kept.
        retention_ms: how long entries are kept.
    """

    epoch: str
    head: StreamId
    trimmed: StreamId
    oldest: StreamId | None
    length: int
    retention_ms: int


class _SharedRead:
    """A read that many wait for. Whoever leaves takes nothing from the others.

    As `asyncio.shield`, which takes three turns of the loop and not one to tell each of them.
    """

    def __init__(self, task: asyncio.Task[Page]) -> None:
        self._task = task
        self._waiting: list[asyncio.Future[None]] = []

    async def page(self) -> Page:
        if not self._task.done():
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
        return self._task.result()

    def end(self) -> None:
        """Tell everybody."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)


class EventLog:
    """Reads the log. Every reader of this process reads through one of these.

    Readers who are at the same place share one read, and the page for the moments that it is kept.
    """

    def __init__(self, store: LogStore, news: News) -> None:
        self.store = store
        self._news = news
        self._reading: dict[_Key, _SharedRead] = {}
        self._describing: dict[frozenset[int], asyncio.Task[dict[int, Extent]]] = {}
        self._pages = PageCache()
        news.on_erasure(self._pages.drop)

    async def read_shared(self, partition: int, position: Position, *, joined: bool) -> Page:
        """As `read`, or what another reader of this process has read there just now."""
        # A read that began before the last ring may lack what was rung for.
        key = partition, position, joined, self._news.rings(partition)
        reading = self._reading.get(key)
        if reading is None:
            page = self._find(key)
            if page is not None:
                return page
            reading = self._begin(key)
        return await reading.page()

    def read_ahead(self, partition: int, position: Position, *, joined: bool) -> None:
        """Begin to read what is asked for next, while what came before is on its way."""
        key = partition, position, joined, self._news.rings(partition)
        if self._news.live and key not in self._reading and self._find(key) is None:
            self._begin(key)

    def _find(self, key: _Key) -> Page | None:
        """A kept page; to look for one costs more than to join a read under way."""
        partition, position, joined, rings = key
        # Nobody would tell of an erasure while nothing follows the log.
        if not self._news.live:
            return None
        return self._pages.find(partition, position, joined=joined, rings=rings)

    def _begin(self, key: _Key) -> _SharedRead:
        task = asyncio.create_task(self._read_to_keep(key))
        reading = self._reading[key] = _SharedRead(task)
        task.add_done_callback(partial(self._forget, key))
        return reading

    async def _read_to_keep(self, key: _Key) -> Page:
        partition, position, joined, rings = key
        erasures = self._news.erasures(partition)
        page = await self.read(partition, position, joined=joined)
        if self._news.live and page.events and erasures == self._news.erasures(partition):
            self._pages.keep(partition, position, page, joined=joined, rings=rings)
        return page

    def _forget(self, key: _Key, task: asyncio.Task[Page]) -> None:
        self._reading.pop(key).end()
        if not task.cancelled():
            # Marks a failure as seen even when everybody who asked has left.
            task.exception()

    async def read(self, partition: int, position: Position, *, joined: bool) -> Page:
        """What follows the position, at most PAGE entries.

        OUT_OF_RANGE: CURSOR_EXPIRED when entries that follow it are gone, LOG_EPOCH_CHANGED when
        the log that it is a position in was lost.
        """
        answer = await self.store.call(
            partition,
            "read_events",
            {"after": str(position.after), "limit": PAGE, "join": joined},
        )
        check(position, epoch=self.store.epoch(partition), trimmed=parse_id(answer["trimmed"]))
        now_ms = int(answer["now"])
        events = [
            _parse(item, partition=partition, epoch=position.epoch, now_ms=now_ms)
            for item in answer["events"]
        ]
        return Page(
            events=events,
            position=events[-1].position if events else position,
            ends=len(events) < PAGE,
        )

    async def extents_for_opener(self, partitions: frozenset[int]) -> dict[int, Extent]:
        """As `extents`, or what is on its way to somebody who asked just before.

        So the heads may be a moment old: whoever begins there misses nothing.
        """
        describing = self._describing.get(partitions)
        if describing is None:
            describing = asyncio.create_task(self.extents(partitions))
            self._describing[partitions] = describing
            describing.add_done_callback(partial(self._forget_extents, partitions))
        return await asyncio.shield(describing)

    def _forget_extents(
        self, partitions: frozenset[int], describing: asyncio.Task[dict[int, Extent]]
    ) -> None:
        del self._describing[partitions]
        if not describing.cancelled():
            # Marks a failure as seen, as in `_forget`.
            describing.exception()

    async def extents(self, partitions: Iterable[int]) -> dict[int, Extent]:
        """Where the logs of these partitions begin and end."""
        wanted = list(partitions)
        return dict(zip(wanted, await asyncio.gather(*map(self._extent, wanted)), strict=True))

    async def _extent(self, partition: int) -> Extent:
        answer = await self.store.call(partition, "describe_log", {})
        oldest = answer.get("oldest")
        return Extent(
            epoch=self.store.epoch(partition),
            head=parse_id(answer["head"]),
            trimmed=parse_id(answer["trimmed"]),
            oldest=parse_id(oldest) if oldest else None,
            length=int(answer["length"]),
            retention_ms=int(answer["retention_ms"]),
        )


def check(position: Position, *, epoch: str, trimmed: StreamId) -> None:
    """OUT_OF_RANGE when reading cannot go on from the position without a gap."""
    if position.epoch != epoch:
        raise _gap(
            "LOG_EPOCH_CHANGED", "The log was lost, and with it what followed this position."
        )
    if position.after < trimmed:
        raise _gap("CURSOR_EXPIRED", "Events that follow this position are not kept any more.")


def _gap(reason: str, what: str) -> ServiceError:
    return out_of_range(
        reason,
        f"{what} Begin again: with SNAPSHOT for the state of things, or with EARLIEST for all "
        "events that are kept.",
    )


def event_id(partition: int, position: Position) -> str:
    """Unique for ever: ids of the store begin anew when a partition's epoch does."""
    return f"p{partition:02d}-{position.epoch}-{position.after}"


def _parse(item: list[Any], *, partition: int, epoch: str, now_ms: int) -> LoggedEvent:
    entry_id, entry, *joined = item
    record = joined[0] if joined else None
    known = record.get("data") if record else None
    position = Position(epoch, parse_id(entry_id))
    return LoggedEvent(
        event_id=event_id(partition, position),
        time_ms=position.after.ms,
        partition=partition,
        position=position,
        entry=orjson.loads(entry),
        record=record,
        now_ms=now_ms,
        # The names of resources are spelt out in messages.
        weight=300 + len(entry) + (len(known) if known else 0),
    )
