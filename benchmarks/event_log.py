"""A log for benchmarks, written through the service's own scripts, and the bare store beside it."""

import asyncio
import statistics
import time
from typing import Any

import orjson
import redis.asyncio

from enrichment_service.ports import partition_of
from enrichment_service.store.event_tail import log_key
from enrichment_service.store.store import Store
from servicekit.clock import open_clock
from servicekit.names import random_id

_WORKSPACE = "bench"
EVENT_ID = f"p{partition_of(_WORKSPACE):02d}-".encode()
"""What the ids of all events of the first writer begin with."""
_DATA = orjson.dumps(
    {
        "provider_id": "ACoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1",
        "member_id": "117649604",
        "public_identifier": "ada-lovelace",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "headline": "Countess of computing at the Analytical Engines company",
        "company": "Analytical Engines",
        "title": "Chief of algorithms",
        "location": "London, UK",
        "picture_url": "https://media.example/a-picture-with-a-signature-of-some-length?e=1&v=beta",
    }
)


class Writer:
    """Appends events of people who are known, through the service's own scripts."""

    def __init__(self, url: str, *, workspace: str = _WORKSPACE) -> None:
        self._workspace = workspace
        self._account, self._enrichment = f"{workspace}/a", f"{workspace}/e"
        self._partition = partition_of(workspace)
        self.event_id = f"p{self._partition:02d}-".encode()
        self._store = Store(url=url, clock=open_clock(None), marker=None)
        self._redis = redis.asyncio.Redis.from_url(url)

    async def open(self) -> None:
        await self._store.open()
        settings = {
            "provider": f"p-{self._workspace}",
            "strategy": "NEW",
            "campaign_share": 0,
            "pacing": "BURST",
        }
        await self._call("connect_account", account=self._account, settings=settings)
        await self._call(
            "create_enrichment",
            enrichment=self._enrichment,
            account=self._account,
            display_name="",
            max_age_ms=1,
        )

    async def close(self) -> None:
        await self._store.close()
        await self._redis.aclose()

    async def prepare(self, count: int) -> list[str]:
        """People who wait; `append` makes an event of each."""
        profiles: list[str] = []
        while len(profiles) < count:
            people = [random_id() for _ in range(min(500, count - len(profiles)))]
            answer = await self._call(
                "submit_profiles",
                enrichment=self._enrichment,
                profiles=[
                    {"ids": [each], "ask": each, "reference": f"r/{each}", "fresh_id": random_id()}
                    for each in people
                ],
            )
            profiles += [item["profile"] for item in answer]
        tag = log_key(self._partition).removesuffix("log")
        async with self._redis.pipeline(transaction=False) as pipe:
            for profile in profiles:
                pipe.hset(f"{tag}profile:{self._workspace}/{profile}", "data", _DATA)
            await pipe.execute()
        return profiles

    async def append(self, profiles: list[str]) -> None:
        """PROFILE_WITHDRAWN of each."""
        for first in range(0, len(profiles), 500):
            await self._call(
                "withdraw_profiles",
                enrichment=self._enrichment,
                profiles=profiles[first : first + 500],
            )

    async def repeat(self, count: int) -> None:
        """So many events more: the newest ones over and over, straight into the log."""
        if not count:
            return
        key = log_key(self._partition)
        newest: Any = await self._redis.xrevrange(key, count=min(count, 10_000))
        for first in range(0, count, len(newest)):
            async with self._redis.pipeline(transaction=False) as pipe:
                for _, fields in newest[: count - first]:
                    pipe.xadd(key, fields)
                await pipe.execute()

    async def read_bare(self) -> float:
        """Seconds that a bare XREAD in pages of 256 takes over the whole log."""
        began, last = time.perf_counter(), b"0-0"
        while True:
            answer: Any = await self._redis.xread({log_key(self._partition): last}, count=256)
            if not answer:
                return time.perf_counter() - began
            last = answer[0][1][-1][0]

    async def _call(self, function: str, **request: object) -> Any:
        return await self._store.call(self._partition, function, request)


async def store_latency(url: str, *, seconds: float) -> dict[str, float]:
    """The same from XADD to a blocking XREAD, nothing between."""
    writing, reading = redis.asyncio.Redis.from_url(url), redis.asyncio.Redis.from_url(url)
    waits: list[float] = []
    turns = int(seconds * 50)

    async def read() -> None:
        last = b"0-0"
        while len(waits) < turns * 10:
            answer: Any = await reading.xread({"bench": last}, block=1000)
            for _, entries in answer:
                now = time.perf_counter()
                waits.extend(now - float(fields[b"sent"]) for _, fields in entries)
                last = entries[-1][0]

    reader = asyncio.create_task(read())
    began = time.perf_counter()
    for turn in range(turns):
        await asyncio.sleep(max(0.0, began + turn / 50 - time.perf_counter()))
        sent = time.perf_counter()
        async with writing.pipeline(transaction=False) as pipe:
            for _ in range(10):
                pipe.xadd("bench", {"e": _DATA, "sent": sent})
            await pipe.execute()
    await reader
    await asyncio.gather(writing.aclose(), reading.aclose())
    return quantiles(waits)


def quantiles(waits: list[float]) -> dict[str, float]:
    """Median and 99th percentile of waits in seconds."""
    cuts = statistics.quantiles(waits, n=100)
    return {"p50_ms": round(cuts[49] * 1000, 1), "p99_ms": round(cuts[98] * 1000, 1)}
