"""A worker of its own: `python -m tests.simulation.worker_process STORE PROVIDER CLOCK`.

It looks for work whenever a line comes on stdin, and ends with stdin.
"""

import asyncio
import logging
import sys
from itertools import repeat
from pathlib import Path

import structlog

from enrichment_service.provider import ConnectedAccountProvider
from enrichment_service.store.store import Store
from enrichment_service.ticks import TickEngine
from servicekit.clock import SteppedClock
from tests.enrichment_service.outcome_stack import PERSON_KEYS, HandClock
from tests.simulation.workers import DEADLINE_SECONDS
from tests.support.simulator_process import KEY


async def work(store_url: str, provider_url: str, clock_path: str) -> None:
    """Views what is due until stdin ends."""
    clock = HandClock(stepped=SteppedClock(Path(clock_path)))
    store = Store(url=store_url, clock=clock, marker=None)
    await store.open()
    engine = TickEngine(
        store=store,
        source=ConnectedAccountProvider(
            url=provider_url, api_key=KEY, connections=8, now_ms=clock.now_ms
        ),
        keys=PERSON_KEYS,
        clock=clock,
        gaps=repeat(0.0),
        deadline_seconds=DEADLINE_SECONDS,
        accounts_side_by_side=8,
    )
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    engine.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while await lines.readline():
        engine.wake()
    await engine.close()
    await store.close()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(work(*sys.argv[1:4]))
