"""Workers of the enrichment service that can be killed: in this process, or in one of their own."""

import asyncio
import contextlib
import os
import sys
from itertools import repeat
from pathlib import Path
from typing import Protocol

from enrichment_service.provider import ConnectedAccountProvider
from enrichment_service.store.store import Store
from enrichment_service.ticks import TickEngine
from enrichment_service.view_results import ViewResult
from servicekit.clock import SteppedClock
from tests.enrichment_service.outcome_stack import PERSON_KEYS, HandClock
from tests.simulation.link import Link
from tests.support.simulator_process import KEY

DEADLINE_SECONDS = 0.5
"""What a view may take where the provider hangs now and then, which costs as much each time."""
PATIENT_DEADLINE_SECONDS = 15.0
"""The same where nothing goes wrong: a slow machine is no fault."""
SHORT_LEASE_MS = 1_000
"""Of workers in this process where something is killed, so that eight weeks take seconds."""
REPOSITORY = Path(__file__).parents[2]


class Worker(Protocol):
    """A worker behind its own link to the store."""

    link: Link

    async def start(self) -> None:
        """Begin to work, also again after `kill`."""
        ...

    def wake(self) -> None:
        """Look at once."""
        ...

    @property
    def views_under_way(self) -> int:
        """Requests that somebody who may have lost the account meanwhile still waits for."""
        ...

    async def kill(self) -> None:
        """End without a word, as kill -9 does."""
        ...


class EngineWorker:
    """The tick engine in this process; killed by cancelling whatever it does."""

    def __init__(
        self,
        *,
        link: Link,
        provider_url: str,
        clock: SteppedClock,
        lease_ms: int,
        deadline_seconds: float,
    ) -> None:
        self.link = link
        self.views_under_way = 0
        self._provider_url = provider_url
        self._clock = HandClock(stepped=clock)
        self._lease_ms = lease_ms
        self._deadline_seconds = deadline_seconds
        self._engine: TickEngine | None = None

    async def start(self) -> None:
        self._store = Store(url=self.link.url, clock=self._clock, marker=None)
        await self._store.open()
        self._provider = ConnectedAccountProvider(
            url=self._provider_url, api_key=KEY, connections=8, now_ms=self._clock.now_ms
        )
        self._engine = TickEngine(
            store=self._store,
            source=self,
            keys=PERSON_KEYS,
            clock=self._clock,
            gaps=repeat(0.0),
            deadline_seconds=self._deadline_seconds,
            accounts_side_by_side=8,
            lease_ms=self._lease_ms,
        )
        self._engine.start()

    async def view(
        self, *, provider_account_id: str, identifier: str, known_id: str, deadline_seconds: float
    ) -> ViewResult:
        """Counts the views under way on the way to the provider."""
        self.views_under_way += 1
        try:
            return await self._provider.view(
                provider_account_id=provider_account_id,
                identifier=identifier,
                known_id=known_id,
                deadline_seconds=deadline_seconds,
            )
        finally:
            self.views_under_way -= 1

    def wake(self) -> None:
        if self._engine is not None:
            self._engine.wake()

    async def kill(self) -> None:
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await engine.close()
            await self._provider.close()
            await self._store.close()


class ProcessWorker:
    """The same engine, with the lease of production, in a process that gets a real kill -9."""

    views_under_way = 0

    def __init__(self, *, link: Link, provider_url: str, clock_path: Path) -> None:
        self.link = link
        self._arguments = (link.url, provider_url, str(clock_path))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.simulation.worker_process", *self._arguments),
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        if not await process.stdout.readline():
            raise ChildProcessError("the worker did not start")

    def wake(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.write(b"\n")

    async def kill(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            await process.communicate()
