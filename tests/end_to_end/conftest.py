"""The whole stack, as `audiencectl up` starts it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.end_to_end.job import Job
from tests.support.stack_process import RunningStack, running
from tests.support.stranded import stranded_work

_LOOKS = 100


@pytest.fixture
async def job(tmp_path: Path) -> AsyncIterator[Job]:
    """A job on a fresh stack on the stepped clock, which starts on Monday 2026-01-05, 08:00 UTC."""
    options = ("--stepped-clock", "--start-time", "2026-01-05T08:00:00Z")
    async with running(tmp_path / "data", *options) as stack:
        job = Job(stack)
        yield job
        await job.close()
        await _nothing_is_stranded(stack)


async def _nothing_is_stranded(stack: RunningStack) -> None:
    """All pending work is such that somebody comes to it; looked at again while it is worked."""
    store = json.loads((stack.data_dir / "addresses.json").read_text())["store"]
    for _ in range(_LOOKS):
        stranded = await asyncio.to_thread(stranded_work, f"redis://{store}/0")
        if not stranded:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(stranded)
