"""Follows the log of all partitions on a connection of its own and rings when there is news.

Subscribers read the log themselves; this only saves them from asking again and again.
"""

import asyncio
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from enrichment_service.event_news import News
from enrichment_service.ports import PARTITIONS
from enrichment_service.store.partitions import header_key
from enrichment_service.store.store import Store
from servicekit.errors import ServiceError

_log = structlog.get_logger("event_tail")

_BLOCK_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_READ_COUNT = 256
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
            client = Redis.from_url(
                self._url,
                protocol=2,
                single_connection_client=True,
                socket_connect_timeout=_ANSWER_SECONDS,
                # Above the time that a read blocks: a silent server is a lost one.
                socket_timeout=_BLOCK_SECONDS + _ANSWER_SECONDS,
                retry=Retry(NoBackoff(), 0),
            )
            follower = _Follower(client=client, store=self._store, news=self._news)
            try:
                await follower.begin()
                pause = _FIRST_PAUSE_SECONDS
                self._news.live = True
                # What happened while nobody listened.
                self._news.ring_all()
                await follower.follow()
            except (RedisError, ServiceError) as error:
                _log.warning("event_tail_broken", error=type(error).__name__, retry_seconds=pause)
            finally:
                self._news.live = False
                await client.aclose()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


class _Follower:
    """What the tail knows while one connection lasts."""

    def __init__(self, *, client: Redis, store: Store, news: News) -> None:
        self._client = client
        self._store = store
        self._news = news
        self._epochs = [store.epoch(partition) for partition in range(PARTITIONS)]
        # Newest id by stream.
        self._newest: dict[str, bytes] = {}

    async def begin(self) -> None:
        """Find the ends of the streams."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for partition in range(PARTITIONS):
                pipeline.xrevrange(log_key(partition), count=1)
            ends = await pipeline.execute()
        for partition, entries in enumerate(ends):
            self._newest[log_key(partition)] = entries[0][0] if entries else b"0-0"
        await self._look_for_losses()

    async def follow(self) -> None:
        """Ring for what is appended, until the connection breaks."""
        loop = asyncio.get_running_loop()
        partition_of_key = {log_key(partition): partition for partition in range(PARTITIONS)}
        block_ms = int(_BLOCK_SECONDS * 1000)
        looked = loop.time()
        while True:
            streams: dict[Any, Any] = {**self._newest}
            answer: Any = await self._client.xread(streams, count=_READ_COUNT, block=block_ms)
            for key, entries in answer:
                name = key.decode()
                self._newest[name] = entries[-1][0]
                self._news.ring(partition_of_key[name])
            if loop.time() - looked >= _BLOCK_SECONDS:
                await self._look_for_losses()
                looked = loop.time()

    async def _look_for_losses(self) -> None:
        """A log that was lost is silent, and its ids begin anew: wake who listens to it."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for partition in range(PARTITIONS):
                pipeline.hget(header_key(partition), "epoch")
            epochs = await pipeline.execute()
        for partition, epoch in enumerate(epochs):
            if epoch is None or epoch.decode() != self._store.epoch(partition):
                # The next call notices, so that nobody reads on as if nothing had happened.
                await self._store.call(partition, "describe_log", {})
            if self._epochs[partition] != self._store.epoch(partition):
                self._epochs[partition] = self._store.epoch(partition)
                self._newest[log_key(partition)] = b"0-0"
                self._news.ring(partition)
