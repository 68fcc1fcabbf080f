"""A thousand subscribers of the event log, of different filters and speeds, 50 of them stalled.

    python -m benchmarks.crowd [--subscribers 1000] [--stalled 50] [--slow 100] [--rounds 10]

Each round appends events and waits until every lively subscriber has all that it wants of them. In
the first half nobody is stalled; then the stalled ones subscribe from the earliest event and read
nothing until the end. The server runs on one core; subscribers, writer and store on another.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import orjson
import uvloop
from enrichment.v1 import events_pb2

from benchmarks.event_log import Writer
from benchmarks.server_process import Server, pinned_server
from benchmarks.store_process import store_process

_SUBSCRIBE = "/enrichment.v1.EventService/SubscribeEvents"
_WORKSPACES = ("bench", "acme", "globex", "initech")
_STREAMS_A_CHANNEL = 50
_SLOW_SECONDS = 0.05
_PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Kind:
    """A filter, and how many events of a round (`size` from each writer) pass it."""

    request: dict[str, Any]
    wanted: Callable[[int], int]


# A round ends with ENRICHMENT_IDLE of each workspace.
_KINDS = (
    Kind({}, lambda size: 4 * (size + 1)),
    Kind({"view": events_pb2.EVENT_VIEW_BASIC}, lambda size: 4 * (size + 1)),
    Kind({"filter": events_pb2.EventFilter(workspaces=["workspaces/acme"])}, lambda size: size + 1),
    Kind(
        {"filter": events_pb2.EventFilter(accounts=["workspaces/globex/accounts/a"])},
        lambda size: size + 1,
    ),
    Kind(
        {"filter": events_pb2.EventFilter(types=[events_pb2.EVENT_TYPE_ENRICHMENT_IDLE])},
        lambda size: 4,
    ),
)


class Subscriber:
    """Counts what it gets."""

    def __init__(self, call: Any, kind: Kind, *, pause: float = 0.0) -> None:
        self._call = call
        self.kind = kind
        self._pause = pause
        self._got = 0
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def has(self, events: int) -> None:
        """Returns once it got so many events in all."""
        while self._got < events:
            self._news.clear()
            await self._news.wait()
            if self._reading.done():
                self._reading.result()

    async def close(self) -> None:
        self._call.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while message := await self._call.read():
                # Every event has its id in it once: `p07-…` in a field of its own.
                self._got += sum(message.count(prefix) for prefix in _PREFIXES)
                self._news.set()
                if self._pause:
                    await asyncio.sleep(self._pause)
        finally:
            self._news.set()


_PREFIXES: list[bytes] = []


class Crowd:
    """Channels, streams over them, and rounds of events."""

    def __init__(self, server: Server, writers: list[Writer], *, size: int) -> None:
        self._server = server
        self._writers = writers
        self._size = size
        self._channels: list[grpc.aio.Channel] = []
        self._opened = 0
        self.lively: list[Subscriber] = []
        self.rounds = 0

    def open(self, kind: Kind, **request: Any) -> Any:
        """A stream; messages come as bytes."""
        if self._opened % _STREAMS_A_CHANNEL == 0:
            options = [("grpc.use_local_subchannel_pool", 1)]
            self._channels.append(grpc.aio.insecure_channel(self._server.address, options=options))
        self._opened += 1
        method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._channels[-1].unary_stream(
            _SUBSCRIBE
        )
        body = events_pb2.SubscribeEventsRequest(**kind.request, **request)
        return method(body.SerializeToString())

    async def join(self, count: int, *, slow: int) -> None:
        """Lively subscribers of all kinds, some of whom take their time over each message."""
        for number in range(count):
            kind = _KINDS[number % len(_KINDS)]
            call = self.open(kind)
            # `opened` says that the server listens for it.
            await call.read()
            pause = _SLOW_SECONDS if number < slow else 0.0
            self.lively.append(Subscriber(call, kind, pause=pause))

    async def round(self) -> tuple[float, float]:
        """Seconds from the first append until all lively subscribers have what they want, and the
        server's processor seconds."""
        people = [await writer.prepare(self._size) for writer in self._writers]
        self.rounds += 1
        began, used = time.perf_counter(), self._server.cpu_seconds()
        for writer, profiles in zip(self._writers, people, strict=True):
            await writer.append(profiles)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await asyncio.gather(
                *(each.has(self.rounds * each.kind.wanted(self._size)) for each in self.lively)
            )
        return time.perf_counter() - began, self._server.cpu_seconds() - used

    async def close(self) -> None:
        for subscriber in self.lively:
            await subscriber.close()
        for channel in self._channels:
            await channel.close()


async def _measure(server: Server, url: str, options: argparse.Namespace) -> dict[str, Any]:
    writers = [Writer(url, workspace=workspace) for workspace in _WORKSPACES]
    for writer in writers:
        await writer.open()
    _PREFIXES.extend({writer.event_id for writer in writers})
    crowd = Crowd(server, writers, size=options.size)
    alone_kib = memory_kib(server.pid)
    lively = options.subscribers - options.stalled
    began = time.perf_counter()
    await crowd.join(lively, slow=options.slow)
    opened = time.perf_counter() - began
    joined_kib = memory_kib(server.pid)

    half = options.rounds // 2
    before = [await crowd.round() for _ in range(half)]
    warm_kib = memory_kib(server.pid)
    stalled = [
        crowd.open(_KINDS[number % 2], start_position=events_pb2.START_POSITION_EARLIEST)
        for number in range(options.stalled)
    ]
    for call in stalled:
        await call.read()
    after, memory = [], []
    for _ in range(options.rounds - half):
        after.append(await crowd.round())
        memory.append(memory_kib(server.pid))
    # The stalled ones wake up: nothing is missing for them either.
    created = 2 * len(_WORKSPACES)
    woken = [Subscriber(call, _KINDS[0]) for call in stalled]
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await asyncio.gather(
            *(each.has(created + options.rounds * each.kind.wanted(options.size)) for each in woken)
        )
    for each in woken:
        await each.close()
    await crowd.close()
    for writer in writers:
        await writer.close()
    return {
        "subscribers": options.subscribers,
        "events": options.rounds * 4 * (options.size + 1),
        "opened_per_second": round(lively / opened),
        "round_seconds": _medians(before),
        "round_seconds_with_stalled": _medians(after),
        "mib_alone": alone_kib // 1024,
        "mib_joined": joined_kib // 1024,
        "kib_a_subscriber": round((joined_kib - alone_kib) / lively, 1),
        "mib_before_stalled": warm_kib // 1024,
        "mib_by_round_with_stalled": [each // 1024 for each in memory],
    }


def _medians(rounds: list[tuple[float, float]]) -> dict[str, float]:
    took, used = zip(*rounds, strict=True)
    return {"wall": round(statistics.median(took), 2), "cpu": round(statistics.median(used), 2)}


def memory_kib(pid: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    [kib] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(kib)


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--stalled", type=int, default=50)
    parser.add_argument("--slow", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--size", type=int, default=1000, help="events of a workspace a round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, store_process(Path(name)) as url:
        environment = {
            "ENRICHMENT_STORE_URL": url,
            "ENRICHMENT_STORE_MARKER": str(Path(name) / "marker"),
            "ENRICHMENT_WORKER": "false",
            "ENRICHMENT_SUBSCRIPTIONS_PER_CALLER": str(options.subscribers),
        }
        with pinned_server([sys.executable, "-m", "enrichment_service"], environment) as server:
            result = uvloop.run(_measure(server, url, options))
    print(orjson.dumps({"crowd": result}).decode(), flush=True)


if __name__ == "__main__":
    main()
