"""ConsumeViews a second over gRPC, beside a bare grpc.aio echo in the same run.

    python -m benchmarks.consume_views [--seconds 5] [--calls 50]

Each server runs on one core; the driver, and the store with AOF fsync always, on another. The
driver keeps `--calls` calls under way. The accounts are many, so that no budget is used up. What a
call costs the server's core is told too: it depends less on what else the machine does.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import grpc
import uvloop
from enrichment.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    view_budgets_pb2,
)

from benchmarks.server_process import Server, pinned_server
from benchmarks.store_process import store_process

_CONSUME = "/enrichment.v1.ViewBudgetService/ConsumeViews"
_ECHO = "/bench.Echo/Echo"
_ACCOUNTS = 2000
_CONNECT_AT_ONCE = 50

_ECHO_SERVER = """
import asyncio, json, grpc, uvloop
async def echo(request, context):
    return request
async def serve():
    server = grpc.aio.server()
    handler = grpc.method_handlers_generic_handler(
        "bench.Echo", {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
    )
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"address": f"127.0.0.1:{port}"}), flush=True)
    await server.wait_for_termination()
uvloop.run(serve())
"""

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What a server did."""

    calls_per_second: float
    median_ms: float
    cpu_us_a_call: float


async def _rate(call: Call, server: Server, *, seconds: float, calls: int) -> Rate:
    """Measured after a warm-up."""
    answered, latencies = 0, []
    measuring, ended = False, False

    async def repeat() -> None:
        nonlocal answered
        while not ended:
            began = time.perf_counter()
            await call()
            if measuring:
                answered += 1
                latencies.append(time.perf_counter() - began)

    tasks = [asyncio.create_task(repeat()) for _ in range(calls)]
    await asyncio.sleep(min(1.0, seconds / 5))
    measuring, began, used = True, time.perf_counter(), server.cpu_seconds()
    await asyncio.sleep(seconds)
    measuring, took = False, time.perf_counter() - began
    used = server.cpu_seconds() - used
    ended = True
    await asyncio.gather(*tasks)
    return Rate(
        calls_per_second=answered / took,
        median_ms=sorted(latencies)[len(latencies) // 2] * 1000,
        cpu_us_a_call=used / answered * 1_000_000,
    )


async def _drive(server: Server, method: str, *, seconds: float, calls: int) -> Rate:
    """Sends bytes and reads bytes, so that the driver's own work is the same for both servers."""
    async with grpc.aio.insecure_channel(server.address) as channel:
        if method == _CONSUME:
            await _connect_accounts(channel)
        send: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        turn = cycle([_request(number).SerializeToString() for number in range(_ACCOUNTS)])
        return await _rate(
            lambda: send(next(turn), timeout=10), server, seconds=seconds, calls=calls
        )


async def _connect_accounts(channel: grpc.aio.Channel) -> None:
    stub = accounts_pb2_grpc.AccountServiceStub(channel)

    async def connect(number: int) -> None:
        account = accounts_pb2.Account(
            provider_account_id=f"provider-{number}",
            strategy=accounts_pb2.ACCOUNT_STRATEGY_VETERAN,
        )
        await stub.ConnectAccount(
            accounts_pb2.ConnectAccountRequest(
                parent=f"workspaces/w{number % 64}", account_id=f"a{number}", account=account
            )
        )

    for first in range(0, _ACCOUNTS, _CONNECT_AT_ONCE):
        await asyncio.gather(*map(connect, range(first, first + _CONNECT_AT_ONCE)))


def _request(number: int) -> view_budgets_pb2.ConsumeViewsRequest:
    return view_budgets_pb2.ConsumeViewsRequest(
        account=f"workspaces/w{number % 64}/accounts/a{number}",
        purpose=view_budgets_pb2.VIEW_PURPOSE_CAMPAIGN_STEP,
        count=1,
        allow_partial=True,
    )


def main() -> None:
    """Measure both and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--calls", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, store_process(Path(folder)) as url:
        environment = {
            "ENRICHMENT_STORE_URL": url,
            "ENRICHMENT_STORE_MARKER": str(Path(folder) / "marker"),
            "ENRICHMENT_WORKER": "false",
        }
        command = [sys.executable, "-m", "enrichment_service"]
        with pinned_server(command, environment) as server:
            consume = uvloop.run(
                _drive(server, _CONSUME, seconds=options.seconds, calls=options.calls)
            )
    with pinned_server([sys.executable, "-c", _ECHO_SERVER], {}) as server:
        echo = uvloop.run(_drive(server, _ECHO, seconds=options.seconds, calls=options.calls))
    print(
        json.dumps(
            {
                "consume_views_per_second": round(consume.calls_per_second),
                "echo_per_second": round(echo.calls_per_second),
                "ratio": round(consume.calls_per_second / echo.calls_per_second, 2),
                "ratio_of_cpu": round(echo.cpu_us_a_call / consume.cpu_us_a_call, 2),
                "consume_views_cpu_us": round(consume.cpu_us_a_call),
                "echo_cpu_us": round(echo.cpu_us_a_call),
                "consume_views_p50_ms": round(consume.median_ms, 1),
                "echo_p50_ms": round(echo.median_ms, 1),
                "calls": options.calls,
            }
        )
    )


if __name__ == "__main__":
    main()
