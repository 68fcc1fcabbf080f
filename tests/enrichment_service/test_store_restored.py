"""A store that was restored from a backup does not know today's views: no more are given out."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import redis

from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from servicekit.errors import ServiceError
from tests.support.enrichment_store import DAY_MS, Workspace
from tests.support.valkey import ProcessValkey


async def test_after_a_restore_today_counts_as_lost(tmp_path: Path, clock: SteppedClock) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    data.mkdir()
    valkey = ProcessValkey(data)
    try:
        with redis.Redis(port=valkey.port) as client:
            before = Store(url=valkey.url, clock=clock, marker=None)
            await before.open(initialise=True)
            first = Workspace(before, client)
            await first.connect()
            await first.consume(3)
            valkey.kill9()
            shutil.copytree(data, backup)
            valkey.restart()
            await _when_it_answers(first)
            await first.consume(6)
            known = before.epoch(first.partition)
            await before.close()

            valkey.kill9()
            shutil.rmtree(data)
            shutil.copytree(backup, data)
            valkey.restart()
            await _begin_epoch(valkey.url, tmp_path / "clock")

            after = Store(url=valkey.url, clock=clock, marker=None)
            await after.open()
            second = Workspace(after, client)
            assert after.epoch(second.partition) != known
            budget = await second.budget()
            assert (budget["lost"], budget["available"]) == (True, 0)
            clock.advance_to((clock.now_ms() // DAY_MS + 1) * DAY_MS)
            assert await second.consume(10) == 10
            await after.close()
    finally:
        valkey.stop()


async def _when_it_answers(workspace: Workspace) -> None:
    while True:
        try:
            await workspace.budget()
        except ServiceError:
            await asyncio.sleep(0.01)
        else:
            return


async def _begin_epoch(url: str, clock_file: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "enrichment_service", "begin-epoch"),
        env={
            **os.environ,
            "ENRICHMENT_STORE_URL": url,
            "ENRICHMENT_CLOCK_FILE": str(clock_file),
        },
    )
    assert await process.wait() == 0
