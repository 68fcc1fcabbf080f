"""Events: fan-out, catching up and latency, each beside the bare thing in the same run.

    python -m benchmarks.events [--subscribers 200] [--events 5000] [--seconds 10]

The server runs on one core; the subscribers, the writer and the store on another. Subscribers take
messages as bytes, so that their own work is the same whoever sends them.
"""

import argparse
import asyncio
import json
import pickle
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc
import uvloop
from enrichment.v1 import events_pb2

from benchmarks.event_log import EVENT_ID, Writer, quantiles, store_latency
from benchmarks.server_process import Server, pinned_server
from benchmarks.store_process import store_process

_SUBSCRIBE = "/enrichment.v1.EventService/SubscribeEvents"
_CAUGHT_UP = b"\x2a\x00"
_STREAMS_A_CHANNEL = 50
_PEOPLE = 20_000
_BARE_SERVER = """
import asyncio, json, pickle, sys, grpc, uvloop
messages = pickle.load(open(sys.argv[1], "rb"))
async def stream(request, context):
    for message in messages:
        await context.write(message)
async def serve():
    server = grpc.aio.server()
    handler = grpc.method_handlers_generic_handler(
        "enrichment.v1.EventService",
        {"SubscribeEvents": grpc.unary_stream_rpc_method_handler(stream)},
    )
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"address": f"127.0.0.1:{port}"}), flush=True)
    await server.wait_for_termination()
uvloop.run(serve())
"""


class Subscribers:
    """Streams over a few connections."""

    def __init__(self, address: str, count: int) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._channels = [
            grpc.aio.insecure_channel(address, options=options)
            for _ in range(-(-count // _STREAMS_A_CHANNEL))
        ]
        self._count = count

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()

    def open(self, **request: Any) -> list[Any]:
        """The calls; each yields messages as bytes."""
        body = events_pb2.SubscribeEventsRequest(**request).SerializeToString()
        methods: list[grpc.aio.UnaryStreamMultiCallable[bytes, bytes]] = [
            channel.unary_stream(_SUBSCRIBE) for channel in self._channels
        ]
        return [methods[number % len(methods)](body) for number in range(self._count)]


async def _drain(call: Any) -> list[bytes]:
    return [message async for message in call]


async def _catch_up_alone(address: str) -> tuple[float, int]:
    """Seconds, and how many events, of one reader of the whole log, who keeps nothing."""
    subscribers = Subscribers(address, 1)
    began, events = time.perf_counter(), 0
    [call] = subscribers.open(
        start_position=events_pb2.START_POSITION_EARLIEST, stop_when_caught_up=True
    )
    async for message in call:
        events += message.count(EVENT_ID)
    took = time.perf_counter() - began
    await subscribers.close()
    return took, events


async def _catch_up(address: str, server: Server, count: int) -> tuple[float, float, list[bytes]]:
    """Seconds and processor seconds until all have everything from the earliest event on."""
    subscribers = Subscribers(address, count)
    request: dict[str, Any] = {
        "start_position": events_pb2.START_POSITION_EARLIEST,
        "stop_when_caught_up": True,
    }
    began, used = time.perf_counter(), server.cpu_seconds()
    got = await asyncio.gather(*map(_drain, subscribers.open(**request)))
    took, used = time.perf_counter() - began, server.cpu_seconds() - used
    await subscribers.close()
    return took, used, got[0]


async def _live(address: str, server: Server, writer: Writer, *, count: int, events: int) -> Any:
    """Seconds and processor seconds until all have what is appended while they listen."""
    profiles = await writer.prepare(events)
    subscribers = Subscribers(address, count)
    ready = asyncio.Semaphore(0)
    messages: list[bytes] = []

    async def follow(call: Any, *, kept: bool) -> None:
        left = events
        async for message in call:
            if message.endswith(_CAUGHT_UP):
                ready.release()
            left -= message.count(EVENT_ID)
            if kept:
                messages.append(message)
            if left <= 0:
                call.cancel()
                return

    calls = subscribers.open()
    followers = [
        asyncio.create_task(follow(call, kept=not number)) for number, call in enumerate(calls)
    ]
    for _ in followers:
        await ready.acquire()
    began, used = time.perf_counter(), server.cpu_seconds()
    await writer.append(profiles)
    await asyncio.gather(*followers)
    took, used = time.perf_counter() - began, server.cpu_seconds() - used
    await subscribers.close()
    return took, used, [message for message in messages if EVENT_ID in message]


async def _latency(
    address: str, server: Server, writer: Writer, *, count: int, seconds: float
) -> dict[str, float]:
    """From the end of the call that commits 10 events to their arrival, at 500 events a second."""
    calls_a_second, size = 50, 10
    profiles = await writer.prepare(int(seconds * calls_a_second) * size)
    subscribers = Subscribers(address, count)
    committed: dict[bytes, float] = {}
    arrivals: list[tuple[bytes, float]] = []
    ready = asyncio.Semaphore(0)

    async def follow(call: Any, *, probe: bool) -> None:
        async for message in call:
            now = time.perf_counter()
            if message.endswith(_CAUGHT_UP):
                ready.release()
            if probe and EVENT_ID in message:
                response = events_pb2.SubscribeEventsResponse.FromString(message)
                arrivals.extend(
                    (event.profile.rpartition("/")[2].encode(), now)
                    for event in response.batch.events
                    if event.profile
                )

    calls = subscribers.open()
    followers = [
        asyncio.create_task(follow(call, probe=number % 50 == 0))
        for number, call in enumerate(calls)
    ]
    for _ in followers:
        await ready.acquire()
    used, began = server.cpu_seconds(), time.perf_counter()
    for turn in range(0, len(profiles), size):
        due = began + turn / size / calls_a_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        batch = profiles[turn : turn + size]
        sent = time.perf_counter()
        await writer.append(batch)
        committed.update((each.encode(), sent) for each in batch)
    took, used = time.perf_counter() - began, server.cpu_seconds() - used
    await asyncio.sleep(0.5)
    for call in calls:
        call.cancel()
    await asyncio.gather(*followers, return_exceptions=True)
    await subscribers.close()
    waits = [now - committed[profile] for profile, now in arrivals if profile in committed]
    return {**quantiles(waits), "delivered": len(waits), "core_used": round(used / took, 2)}


def _beside_bare(
    folder: Path, messages: list[bytes], took: float, used: float, *, subscribers: int
) -> dict[str, float]:
    """The same messages from a server that does nothing else."""
    path = folder / "messages"
    path.write_bytes(pickle.dumps(messages))
    with pinned_server([sys.executable, "-c", _BARE_SERVER, str(path)], {}) as server:
        bare_took, bare_used, _ = uvloop.run(_catch_up(server.address, server, subscribers))
    events = sum(message.count(EVENT_ID) for message in messages) * subscribers
    return {
        "events_per_second": round(events / took),
        "bare_events_per_second": round(events / bare_took),
        "ratio": round(bare_took / took, 2),
        "ratio_of_cpu": round(bare_used / used, 2),
        "events_a_message": round(events / subscribers / len(messages), 1),
        "bytes_an_event": round(sum(map(len, messages)) * subscribers / events),
    }


def main() -> None:
    """Measure everything and print one line of JSON each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--long", type=int, default=50_000, help="events to catch up with alone")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, store_process(Path(name)) as url:
        environment = {
            "ENRICHMENT_STORE_URL": url,
            "ENRICHMENT_STORE_MARKER": str(Path(name) / "marker"),
            "ENRICHMENT_WORKER": "false",
        }
        command = [sys.executable, "-m", "enrichment_service"]
        with pinned_server(command, environment) as server:
            results = uvloop.run(_measure(server, url, options))
        for measured in ("live", "behind"):
            took, used, messages = results.pop(measured)
            _print(
                measured,
                _beside_bare(Path(name), messages, took, used, subscribers=options.subscribers),
            )
        for title, result in results.items():
            _print(title, result)


async def _measure(server: Server, url: str, options: argparse.Namespace) -> dict[str, Any]:
    writer = Writer(url)
    await writer.open()
    try:
        live = await _live(
            server.address, server, writer, count=options.subscribers, events=options.events
        )
        behind = await _catch_up(server.address, server, options.subscribers)
        latency = await _latency(
            server.address, server, writer, count=options.subscribers, seconds=options.seconds
        )
        people = min(options.long, _PEOPLE)
        await writer.append(await writer.prepare(people))
        await writer.repeat(options.long - people)
        before = _memory_mib(server.pid)
        used = server.cpu_seconds()
        took, events = await _catch_up_alone(server.address)
        used = server.cpu_seconds() - used
        after = _memory_mib(server.pid)
        bare = await writer.read_bare()
    finally:
        await writer.close()
    return {
        "live": live,
        "behind": behind,
        "commit_to_arrival": latency,
        "xadd_to_xread": await store_latency(url, seconds=options.seconds / 2),
        "catch_up": {
            "events": events,
            "events_per_second": round(events / took),
            "bare_xread_per_second": round(events / bare),
            "ratio": round(bare / took, 3),
            "cpu_us_an_event": round(used / events * 1e6, 1),
            "server_mib_before": before,
            "server_mib_after": after,
        },
    }


def _memory_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    [kib] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(kib) // 1024


def _print(title: str, result: dict[str, float]) -> None:
    print(json.dumps({title: result}), flush=True)


if __name__ == "__main__":
    main()
