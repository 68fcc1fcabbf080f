"""Tells subscribers which partitions have news. It says that there is something, never what."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Listener:
    """One subscriber's list of partitions to look at, each once, the longest waiting first."""

    def __init__(self, partitions: frozenset[int]) -> None:
        self.partitions = partitions
        self._news: dict[int, None] = dict.fromkeys(sorted(partitions))
        self._rung = False
        self._waiting: asyncio.Future[None] | None = None

    def ring(self, partition: int) -> None:
        """Put the partition on the list if it is not there."""
        if partition in self.partitions:
            self._news[partition] = None
            self._wake()

    def ring_all(self) -> None:
        """Put all on the list; wakes even who listens to none."""
        self._news |= dict.fromkeys(sorted(self.partitions))
        self._wake()

    def take(self) -> int | None:
        """The next partition to look at, taken off the list. Read it after this, never before."""
        self._rung = False
        for partition in self._news:
            del self._news[partition]
            return partition
        return None

    async def wait(self, seconds: float) -> bool:
        """Wait until somebody rings; False when nobody did for that long."""
        if not self._rung:
            # Done for every message of every subscriber: a timer costs a tenth of asyncio.timeout.
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            timer = loop.call_later(seconds, _end, self._waiting)
            try:
                await self._waiting
            finally:
                timer.cancel()
                self._waiting = None
        return self._rung

    def _wake(self) -> None:
        self._rung = True
        if self._waiting is not None:
            _end(self._waiting)


def _end(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


class News:
    """All subscribers of this process.

    `live` while something follows the log and rings: while it is False, silence proves nothing.
    """

    def __init__(self) -> None:
        self.live = False
        self._rings = Counter[int]()
        self._rings_for_all = 0
        self._erasures = Counter[int]()
        self._when_erased: list[Callable[[int], None]] = []
        self._listeners: set[Listener] = set()

    @property
    def listener_count(self) -> int:
        """Subscribers that listen."""
        return len(self._listeners)

    def rings(self, partition: int) -> int:
        """How often a partition was rung, or somebody began to listen: a read that began since
        then shows all that its readers were told of, or saw before they came."""
        return self._rings[partition] + self._rings_for_all

    def erasures(self, partition: int) -> int:
        """How often somebody of the partition was erased, as far as was heard."""
        return self._erasures[partition]

    def on_erasure(self, forget: Callable[[int], None]) -> None:
        """Call `forget` with the partition whenever somebody of it is erased."""
        self._when_erased.append(forget)

    def erase(self, partition: int) -> None:
        """Somebody of the partition was erased: what was read before may show them."""
        self._erasures[partition] += 1
        for forget in self._when_erased:
            forget(partition)

    @contextmanager
    def listen(self, partitions: frozenset[int]) -> Iterator[Listener]:
        """Listen to these partitions. All of them are on the list at first."""
        listener = Listener(partitions)
        self._listeners.add(listener)
        self._rings_for_all += 1
        try:
            yield listener
        finally:
            self._listeners.remove(listener)

    def ring(self, partition: int) -> None:
        """Something was appended to the partition, or its log was lost."""
        self._rings[partition] += 1
        for listener in self._listeners:
            listener.ring(partition)

    def ring_all(self) -> None:
        """Anything may have happened anywhere."""
        self._rings_for_all += 1
        for listener in self._listeners:
            listener.ring_all()
