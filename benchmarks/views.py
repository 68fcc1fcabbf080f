"""A worker's views a second against the simulator, with no gap between an account's views.

    python -m benchmarks.views [--views 6000] [--side-by-side 64] [--saq PYTHON]

In the same run the HTTP client alone makes as many requests, and the same job (one GET, one durable
result) runs on SAQ if `--saq` names the interpreter of an environment with saq, httpx-aiohttp and
uvloop. Each works on one core; the simulator and the store, AOF fsync always, on another.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import repeat
from pathlib import Path

import uvloop

from benchmarks.scale import Load, opened, side_by_side
from benchmarks.server_process import server_process
from benchmarks.store_process import store_process
from enrichment_service.provider import ConnectedAccountProvider
from enrichment_service.ticks import TickEngine
from enrichment_service.view_results import Finding, ViewResult
from servicekit.clock import SystemClock

_KEY = "simulator-key"
_PEOPLE = (Finding.COMPLETE, Finding.THROTTLED, Finding.NAMES_WITHHELD)
_VIEWS_A_TICK = 15
_DEADLINE_SECONDS = 20.0

_SAQ = """
import asyncio, json, sys, time, httpx, uvloop
from httpx_aiohttp import AiohttpTransport
from saq import Queue, Worker

redis_url, provider_url, views, side_by_side = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])

async def view(context, *, person):
    answer = await context["client"].get(
        f"{provider_url}/api/v1/users/{person}",
        params={"account_id": "saq", "linkedin_sections": "experience", "notify": "false"},
        headers={"X-API-KEY": "simulator-key"},
    )
    return answer.json()

async def main():
    queue = Queue.from_url(redis_url)
    await queue.connect()
    for number in range(views):
        await queue.enqueue("view", person=f"grace-hopper-{number}", ttl=3600, timeout=60)
    limits = httpx.Limits(max_connections=side_by_side)
    async with httpx.AsyncClient(transport=AiohttpTransport(limits=limits)) as client:
        async def startup(context):
            context["client"] = client
        worker = Worker(queue, functions=[view], concurrency=side_by_side, startup=startup)
        began = time.perf_counter()
        running = asyncio.create_task(worker.start())
        while await queue.count("incomplete"):
            await asyncio.sleep(0.05)
        print(json.dumps(views / (time.perf_counter() - began)))
        await worker.stop()
        running.cancel()
    await queue.disconnect()

uvloop.run(main())
"""


class _Counted:
    """The provider, with a count of what it was asked and a sign when that is enough."""

    def __init__(self, provider: ConnectedAccountProvider, *, views: int) -> None:
        self._provider = provider
        self._left = views
        self.enough = asyncio.Event()

    async def view(
        self, *, provider_account_id: str, identifier: str, known_id: str, deadline_seconds: float
    ) -> ViewResult:
        """As the provider; the engine sees no difference."""
        result = await self._provider.view(
            provider_account_id=provider_account_id,
            identifier=identifier,
            known_id=known_id,
            deadline_seconds=deadline_seconds,
        )
        if result.finding not in _PEOPLE:
            raise RuntimeError(f"the simulator did not answer: {result.finding}")
        self._left -= 1
        if self._left == 0:
            self.enough.set()
        return result


async def _engine(
    load: Load, provider: ConnectedAccountProvider, *, views: int, at_once: int
) -> float:
    """Views a second of the tick engine, from the first claim to the last answer."""
    await side_by_side(
        load.account(f"w{number}/account", profiles=_VIEWS_A_TICK)
        for number in range(-(-views // _VIEWS_A_TICK))
    )
    counted = _Counted(provider, views=views)
    engine = TickEngine(
        store=load.store,
        source=counted,
        keys=load.keys,
        clock=SystemClock(),
        gaps=repeat(0.0),
        deadline_seconds=_DEADLINE_SECONDS,
        accounts_side_by_side=at_once,
    )
    began = time.perf_counter()
    engine.start()
    await counted.enough.wait()
    took = time.perf_counter() - began
    await engine.drain()
    return views / took


async def _client_alone(provider: ConnectedAccountProvider, *, views: int, at_once: int) -> float:
    """Requests a second of the same HTTP client, with nothing else to do."""
    people = iter(range(views))

    async def work(account: int) -> None:
        for number in people:
            result = await provider.view(
                provider_account_id=f"alone-{account}",
                identifier=f"alan-turing-{number}",
                deadline_seconds=_DEADLINE_SECONDS,
            )
            if result.finding not in _PEOPLE:
                raise RuntimeError(f"the simulator did not answer: {result.finding}")

    began = time.perf_counter()
    await asyncio.gather(*map(work, range(at_once)))
    return views / (time.perf_counter() - began)


async def _run(
    store_url: str, provider_url: str, folder: Path, *, views: int, at_once: int
) -> dict[str, float]:
    clock = SystemClock()
    provider = ConnectedAccountProvider(
        url=provider_url, api_key=_KEY, connections=at_once, now_ms=clock.now_ms
    )
    try:
        alone = await _client_alone(provider, views=views, at_once=at_once)
        async with opened(store_url, folder) as load:
            engine = await _engine(load, provider, views=views, at_once=at_once)
    finally:
        await provider.close()
    return {"views": engine, "client_alone": alone}


def main() -> None:
    """Measure all and print one line of JSON: rates a second, and their ratio to the client's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=6000)
    parser.add_argument("--side-by-side", type=int, default=64)
    parser.add_argument("--saq", help="python of an environment with saq, httpx-aiohttp, uvloop")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory() as name,
        store_process(Path(name)) as store_url,
        server_process(
            [sys.executable, "-m", "linkedin_simulator"],
            {"SIMULATOR_DATA_DIR": str(Path(name) / "simulator")},
            core=cores[-1],
        ) as provider,
    ):
        provider_url = f"http://{provider.address}"
        os.sched_setaffinity(0, {cores[0]})
        rates = uvloop.run(
            _run(
                store_url,
                provider_url,
                Path(name),
                views=options.views,
                at_once=options.side_by_side,
            )
        )
        if options.saq:
            arguments = [store_url, provider_url, str(options.views), str(options.side_by_side)]
            answer = subprocess.run(
                [options.saq, "-c", _SAQ, *arguments], check=True, capture_output=True, text=True
            )
            rates["saq"] = json.loads(answer.stdout.splitlines()[-1])
    ratios = {
        f"{job}_ratio": round(rate / rates["client_alone"], 2)
        for job, rate in rates.items()
        if job != "client_alone"
    }
    print(json.dumps({job: round(rate) for job, rate in rates.items()} | ratios))


if __name__ == "__main__":
    main()
