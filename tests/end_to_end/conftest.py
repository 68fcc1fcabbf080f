"""The whole stack, as `audiencectl up` starts it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.stack_process import running
from tests.end_to_end.job import Job


@pytest.fixture
async def job(tmp_path: Path) -> AsyncIterator[Job]:
    """A job on a fresh stack on the stepped clock, which starts on Monday 2026-01-05, 08:00 UTC."""
    options = ("--stepped-clock", "--start-time", "2026-01-05T08:00:00Z")
    async with running(tmp_path / "data", *options) as stack:
        job = Job(stack)
        yield job
        await job.close()
