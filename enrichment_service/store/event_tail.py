"""Follows the log of all partitions on a connection of its own and rings when there is news.

Subscribers read the log themselves; this only saves them from asking again and again.
"""

import asyncio

import structlog
from redis.exceptions import ResponseError

from enrichment_service.event_news import News
from enrichment_service.ports import PARTITIONS
from enrichment_service.store.connection import (
    NotReachedError,
    OutcomeUnknownError,
    StoreConnection,
)
from enrichment_service.store.partitions import header_key
from enrichment_service.store.store import Store
from servicekit.errors import ServiceError

_log = structlog.get_logger("event_tail")

_BLOCK_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0


def log_key(partition: int) -> str:
    """The stream of the partition's events."""
    return f"{{p{partition:02d}}}:log"


class EventTail:
    """One per process; one node holds all partitions."""

    def __init__(self, *, url: str, store: Store, news: News) -> None:
        """`url` is that of `store`, which is open; `news` is rung and told when it is live."""
        self._url = url
        self._store = store
        self._news = news
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow; returns at once."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End, and raise what broke it if anything unforeseen did."""
        if self._task is None:
            return
        self._task.cancel()
        (outcome,) = await asyncio.gather(self._task, return_exceptions=True)
        if isinstance(outcome, Exception):
            raise outcome

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            connection = StoreConnection(self._url)
            follower = _Follower(connection=connection, store=self._store, news=self._news)
            try:
                await follower.begin()
                pause = _FIRST_PAUSE_SECONDS
                self._news.live = True
                # What happened while nobody listened.
                self._news.ring_all()
                await follower.follow()
            except (
                NotReachedError,
                OutcomeUnknownError,
                ResponseError,
                ServiceError,
                TimeoutError,
            ) as error:
                _log.warning("event_tail_broken", error=type(error).__name__, retry_seconds=pause)
            finally:
                self._news.live = False
                await connection.close()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


class _Follower:
    """What the tail knows while one connection lasts."""

    def __init__(self, *, connection: StoreConnection, store: Store, news: News) -> None:
        self._connection = connection
        self._store = store
        self._news = news
        self._epochs = [store.epoch(partition) for partition in range(PARTITIONS)]
        self._newest = [b"0-0"] * PARTITIONS

    async def begin(self) -> None:
        """Find the ends of the streams."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            self._newest = await asyncio.gather(*map(self._end_of, range(PARTITIONS)))
        await self._look_for_losses()

    async def follow(self) -> None:
        """Ring for what is appended, until the connection breaks."""
        loop = asyncio.get_running_loop()
        keys = [log_key(partition) for partition in range(PARTITIONS)]
        partition_of_key = {key.encode(): partition for partition, key in enumerate(keys)}
        block_ms = int(_BLOCK_SECONDS * 1000)
        looked = loop.time()
        while True:
            async with asyncio.timeout(_BLOCK_SECONDS + _ANSWER_SECONDS):
                answer = await self._connection.call(
                    "XREAD", "COUNT", 256, "BLOCK", block_ms, "STREAMS", *keys, *self._newest
                )
            if isinstance(answer, list):
                for key, entries in answer:
                    partition = partition_of_key[key]
                    self._newest[partition] = entries[-1][0]
                    self._news.ring(partition)
            if loop.time() - looked >= _BLOCK_SECONDS:
                await self._look_for_losses()
                looked = loop.time()

    async def _end_of(self, partition: int) -> bytes:
        key = log_key(partition)
        newest = await self._connection.call("XREVRANGE", key, "+", "-", "COUNT", 1)
        return bytes(newest[0][0]) if isinstance(newest, list) and newest else b"0-0"

    async def _look_for_losses(self) -> None:
        """A log that was lost is silent, and its ids begin anew: wake who listens to it."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            epochs = await asyncio.gather(*map(self._epoch_of, range(PARTITIONS)))
            for partition, epoch in enumerate(epochs):
                if epoch != self._store.epoch(partition):
                    # The next call notices, so that nobody reads on as if nothing had happened.
                    await self._store.call(partition, "describe_log", {})
                if self._epochs[partition] != self._store.epoch(partition):
                    self._epochs[partition] = self._store.epoch(partition)
                    self._newest[partition] = b"0-0"
                    self._news.ring(partition)

    async def _epoch_of(self, partition: int) -> str | None:
        epoch = await self._connection.call("HGET", header_key(partition), "epoch")
        return epoch.decode() if isinstance(epoch, bytes) else None
