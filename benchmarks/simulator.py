"""How many profile requests a second the simulator answers on one core.

    python -m benchmarks.simulator [--seconds 5] [--connections 32]

Beside it, in the same run, a bare aiohttp handler that answers a body of the same size: the ratio
says what the simulator's own work costs. Each server runs on one core, the driver on another. The
simulator answers different people every time, half of them new to it, and logs every view.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import cast

import uvloop

from benchmarks.server_process import pinned_server

_BARE = """
import asyncio, os, sys, uvloop
from aiohttp import web
body = b"x" * int(sys.argv[1])
async def handle(request):
    return web.Response(body=body, content_type="application/json")
async def serve():
    app = web.Application()
    app.add_routes([web.get("/api/v1/users/{identifier}", handle)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print('{"address":"127.0.0.1:%d"}' % runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
uvloop.run(serve())
"""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What one server did.

    Attributes:
        requests_per_second: answers with status 200, over the time measured.
        body_bytes: size of the last body.
    """

    requests_per_second: float
    body_bytes: int


class _Connection(asyncio.Protocol):
    """Keeps one request under way; the next is sent when an answer is whole."""

    def __init__(self, requests: Iterator[bytes], on_answer: Callable[[int], None]) -> None:
        self._requests = requests
        self._on_answer = on_answer
        self._buffer = b""
        self.refused: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's, but behave like them.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        if not self._buffer.startswith(b"HTTP/1.1 200"):
            self._transport.abort()
            self.refused = self._buffer[:head].decode("latin-1")
            return
        length = int(self._buffer.split(b"Content-Length: ", 1)[1].split(b"\r\n", 1)[0])
        if len(self._buffer) < head + 4 + length:
            return
        self._buffer = b""
        self._on_answer(length)
        self._transport.write(next(self._requests))


def _requests() -> Iterator[bytes]:
    """Requests for people: every other one was not asked for before."""
    for number in count():
        person = number if number % 2 else number // 4
        yield (
            f"GET /api/v1/users/ada-lovelace-{person:x}?account_id=account-{number % 50}"
            "&linkedin_sections=experience&notify=false HTTP/1.1\r\n"
            "Host: 127.0.0.1\r\nX-API-KEY: simulator-key\r\nAccept: application/json\r\n\r\n"
        ).encode()


async def _drive(*, address: str, seconds: float, connections: int) -> Rate:
    host, port = address.split(":")
    answers, size = 0, 0

    def on_answer(length: int) -> None:
        nonlocal answers, size
        answers += 1
        size = length

    requests = _requests()
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(requests, on_answer), host, int(port))
        for _ in range(connections)
    ]
    await asyncio.sleep(min(1.0, seconds / 5))
    before, began = answers, time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (answers - before) / (time.perf_counter() - began)
    for transport, connection in opened:
        transport.abort()
        if connection.refused is not None:
            raise RuntimeError(f"the server answered {connection.refused}")
    return Rate(requests_per_second=rate, body_bytes=size)


def measure(
    *, command: list[str], environment: dict[str, str], seconds: float, connections: int
) -> Rate:
    """Start the server on the first core, drive it from the last one, end it.

    Args:
        command: prints {"address":"host:port"} as its first line when it listens.
        environment: added to this process's own.
        seconds: how long to measure, after a short warm-up.
        connections: keep-alive connections, each with one request under way.
    """
    with pinned_server(command, environment) as server:
        return uvloop.run(_drive(address=server.address, seconds=seconds, connections=connections))


def main() -> None:
    """Measure both servers and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        simulator = measure(
            command=[sys.executable, "-m", "linkedin_simulator"],
            environment={"SIMULATOR_DATA_DIR": folder},
            seconds=options.seconds,
            connections=options.connections,
        )
    bare = measure(
        command=[sys.executable, "-c", _BARE, str(simulator.body_bytes)],
        environment={},
        seconds=options.seconds,
        connections=options.connections,
    )
    print(
        json.dumps(
            {
                "simulator_requests_per_second": round(simulator.requests_per_second),
                "bare_requests_per_second": round(bare.requests_per_second),
                "ratio": round(simulator.requests_per_second / bare.requests_per_second, 2),
                "body_bytes": simulator.body_bytes,
            }
        )
    )


if __name__ == "__main__":
    main()
