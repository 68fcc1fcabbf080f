"""Follows the log of all partitions on a connection of its own and rings when there is news.

Subscribers read the log themselves; this only saves them from asking again and again.
"""

import asyncio

import structlog

from enrichment_service.event_news import News
from enrichment_service.ports import PARTITIONS
from enrichment_service.store.connection import (
    NotReachedError,
    OutcomeUnknownError,
    ReplyError,
    StoreConnection,
)
from enrichment_service.store.partitions import header_key
from enrichment_service.store.store import Store
from servicekit.errors import ServiceError

_log = structlog.get_logger("event_tail")

_BLOCK_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_READ_COUNT = 256
_LINGER_SECONDS = 0.02
_ERASED = b'"PROFILE_ERASED"'
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0


def log_key(partition: int) -> str:
    """The stream of the partition's events."""
    return f"{{p{partition:02d}}}:log"


class EventTail:
    """One per process, with a connection for all partitions, or one for each on a Cluster."""

    def __init__(self, *, store: Store, news: News) -> None:
        """`store` is open; `news` is rung, and told when all partitions are followed."""
        self._store = store
        self._news = news
        self._tasks: list[asyncio.Task[None]] = []
        self._followed: set[int] = set()

    async def start(self) -> None:
        """Begin to follow; returns at once."""
        self._tasks = [
            asyncio.create_task(self._run(partitions)) for partitions in self._store.read_together()
        ]

    async def close(self) -> None:
        """End, and raise what broke it if anything unforeseen did."""
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _run(self, partitions: list[int]) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            connection = None
            try:
                connection = await self._connect(partitions[0])
                follower = _Follower(
                    connection=connection,
                    store=self._store,
                    news=self._news,
                    partitions=partitions,
                )
                await follower.begin()
                pause = _FIRST_PAUSE_SECONDS
                self._follows(partitions, live=True)
                await follower.follow()
            except (
                NotReachedError,
                OutcomeUnknownError,
                ReplyError,
                ServiceError,
                TimeoutError,
            ) as error:
                _log.warning("event_tail_broken", error=type(error).__name__, retry_seconds=pause)
            finally:
                self._follows(partitions, live=False)
                if connection is not None:
                    await connection.close()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _follows(self, partitions: list[int], *, live: bool) -> None:
        if not live:
            self._followed.difference_update(partitions)
            self._news.live = False
            return
        self._followed.update(partitions)
        self._news.live = len(self._followed) == PARTITIONS
        # What happened while nobody listened.
        for partition in partitions:
            self._news.ring(partition)

    async def _connect(self, partition: int) -> StoreConnection:
        # A call first: the store finds the partition anew if it has moved.
        await self._store.call(partition, "describe_log", {})
        return await StoreConnection.open(await self._store.url_of(partition))


class _Follower:
    """What the tail knows of some partitions while one connection lasts."""

    def __init__(
        self, *, connection: StoreConnection, store: Store, news: News, partitions: list[int]
    ) -> None:
        self._connection = connection
        self._store = store
        self._news = news
        self._partitions = partitions
        self._epochs = [store.epoch(partition) for partition in partitions]
        self._keys = [log_key(partition) for partition in partitions]
        self._newest = [b"0-0"] * len(partitions)

    async def begin(self) -> None:
        """Find the ends of the streams."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            self._newest = await asyncio.gather(*map(self._end_of, self._keys))
        await self._look_for_losses()

    async def follow(self) -> None:
        """Ring for what is appended, until the connection breaks."""
        loop = asyncio.get_running_loop()
        index_of = {key.encode(): index for index, key in enumerate(self._keys)}
        block_ms = int(_BLOCK_SECONDS * 1000)
        looked = loop.time()
        while True:
            # A silent server is a lost one.
            async with asyncio.timeout(_BLOCK_SECONDS + _ANSWER_SECONDS):
                answer = await self._connection.call(
                    *("XREAD", "COUNT", _READ_COUNT, "BLOCK", block_ms, "STREAMS"),
                    *self._keys,
                    *self._newest,
                )
            if isinstance(answer, list):
                for key, entries in answer:
                    self._newest[index_of[key]] = entries[-1][0]
                    partition = self._partitions[index_of[key]]
                    if any(_ERASED in fields[1] for _, fields in entries):
                        self._news.erase(partition)
                    self._news.ring(partition)
                # What comes in these moments goes out in one message, however many listen.
                await asyncio.sleep(_LINGER_SECONDS)
            if loop.time() - looked >= _BLOCK_SECONDS:
                await self._look_for_losses()
                looked = loop.time()

    async def _end_of(self, key: str) -> bytes:
        newest = await self._connection.call("XREVRANGE", key, "+", "-", "COUNT", 1)
        return bytes(newest[0][0]) if isinstance(newest, list) and newest else b"0-0"

    async def _look_for_losses(self) -> None:
        """A log that was lost is silent, and its ids begin anew: wake who listens to it."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            epochs = await asyncio.gather(*map(self._epoch_of, self._partitions))
        for index, partition in enumerate(self._partitions):
            if epochs[index] != self._store.epoch(partition):
                # The next call notices, so that nobody reads on as if nothing had happened.
                await self._store.call(partition, "describe_log", {})
            if self._epochs[index] != self._store.epoch(partition):
                self._epochs[index] = self._store.epoch(partition)
                self._newest[index] = b"0-0"
                self._news.ring(partition)

    async def _epoch_of(self, partition: int) -> str | None:
        epoch = await self._connection.call("HGET", header_key(partition), "epoch")
        return epoch.decode() if isinstance(epoch, bytes) else None
