"""The whole of a simulation: store, provider, callers' service, workers, and the clock's hand."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import redis
from pydantic import SecretStr

from clients.enrichment import EnrichmentClient
from enrichment_service.access import ACCESS
from enrichment_service.app import build
from enrichment_service.ports import partition_of
from enrichment_service.settings import Settings
from enrichment_service.store.partitions import Marker
from enrichment_service.store.store import Store
from enrichment_service.ticks import LEASE_MS
from servicekit.clock import SteppedClock
from servicekit.errors import ServiceError
from servicekit.server import start_server
from servicekit.settings import ConfigurationError
from tests.conftest import START_MS
from tests.simulation.history import History
from tests.simulation.link import Link
from tests.simulation.plan import DAY_MS, Plan
from tests.simulation.workers import (
    DEADLINE_SECONDS,
    PATIENT_DEADLINE_SECONDS,
    SHORT_LEASE_MS,
    EngineWorker,
    ProcessWorker,
    Worker,
)
from tests.support.simulator_client import SimulatorClient
from tests.support.simulator_process import KEY, SimulatorProcess
from tests.support.valkey import Valkey, start_valkey

PATIENCE_SECONDS = 30.0
"""After a kill work goes on by itself within so much real time."""
_LOOK_SECONDS = 0.004
_WAKE_SECONDS = 0.05
# The same key for the callers' service and for the workers, tests/…/outcome_stack.py.
ERASURE_KEY = "a secret of the tests"


class World:
    """Runs, and moves the clock to what is due next once all that is due by now was worked."""

    def __init__(
        self,
        *,
        plan: Plan,
        valkey: Valkey,
        clock: SteppedClock,
        sim: SimulatorClient,
        front: Link,
        client: EnrichmentClient,
        workers: list[Worker],
    ) -> None:
        self.plan = plan
        self.valkey = valkey
        self.clock = clock
        self.sim = sim
        self.front = front
        self.client = client
        self.workers = workers
        self.history = History(plan=plan, start_ms=clock.now_ms())
        self.redis = redis.Redis.from_url(valkey.url, decode_responses=True)
        self._partitions = sorted({partition_of(each.workspace) for each in plan.accounts})
        self._deeds: set[asyncio.Task[None]] = set()
        self._aside: set[asyncio.Task[None]] = set()
        self._killed_at: float | None = None
        self._restarting = asyncio.Lock()

    @property
    def now_ms(self) -> int:
        """The calendar time."""
        return self.clock.now_ms()

    @property
    def day(self) -> int:
        """Today, in days since 1970-01-01."""
        return self.now_ms // DAY_MS

    def do(self, deed: Coroutine[Any, Any, None], *, aside: bool = False) -> None:
        """Do it beside the work; the clock waits for it unless it is done `aside`."""
        tasks = self._aside if aside else self._deeds
        tasks.add(asyncio.create_task(deed))

    async def reach(self, at_ms: int) -> None:
        """Work through all that is due before `at_ms`, then be there, at quiet."""
        while True:
            due = await self.quiet()
            if self.now_ms >= at_ms:
                return
            self.step(min(at_ms, due or at_ms))

    def step(self, to_ms: int) -> None:
        """Move the clock, and let everybody look."""
        self.clock.advance_to(to_ms)
        for worker in self.workers:
            worker.wake()

    async def quiet(self) -> int | None:
        """Wait until all that is due by now was worked; when the next tick is due."""
        began = woken = monotonic()
        while True:
            self._collect()
            under_way = sum(worker.views_under_way for worker in self.workers)
            due = self._next_due() if not self._deeds and not under_way else self.now_ms
            if due is None or due > self.now_ms:
                if self._killed_at is not None:
                    self.history.recoveries.append(monotonic() - self._killed_at)
                    self._killed_at = None
                return due
            waited = monotonic() - max(began, self._killed_at or 0.0)
            assert waited < PATIENCE_SECONDS, "work did not go on within 30 s"
            if monotonic() - woken > _WAKE_SECONDS:
                # What callers make due wakes their own process only.
                woken = monotonic()
                for worker in self.workers:
                    worker.wake()
            await asyncio.sleep(_LOOK_SECONDS)

    async def finish(self) -> None:
        """Wait for what is still done aside."""
        await asyncio.gather(*self._aside)
        self._collect()

    def count_fault(self) -> None:
        """Something has gone wrong that may have interrupted a view."""
        self.history.faults += 1

    async def kill(self, worker: Worker) -> None:
        """End a worker and start another one in its place."""
        self.count_fault()
        await worker.kill()
        self._killed_at = monotonic()
        self.do(self._start(worker), aside=True)

    async def restart_store(self) -> None:
        """kill -9 of the store, and its start on the same data."""
        self.count_fault()
        self._killed_at = monotonic()
        async with self._restarting:
            await asyncio.to_thread(self.valkey.restart)

    async def _start(self, worker: Worker) -> None:
        while True:
            try:
                await worker.start()
            except (ServiceError, ConfigurationError, ChildProcessError, OSError):
                await asyncio.sleep(0.1)
            except Exception as error:
                # What the store's connection raises while the store is away.
                if type(error).__name__ not in ("NotReachedError", "OutcomeUnknownError"):
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    def _collect(self) -> None:
        """Ends with whatever a deed ended with."""
        for tasks in (self._deeds, self._aside):
            for task in [task for task in tasks if task.done()]:
                tasks.discard(task)
                task.result()

    def _next_due(self) -> int | None:
        """When the next tick is due; now while a tick is being worked."""
        dues: list[int] = []
        for partition in self._partitions:
            tag = f"{{p{partition:02d}}}:"
            # At one moment, or a tick that ends meanwhile would be neither leased nor due.
            with self.redis.pipeline(transaction=True) as look:
                look.zcard(f"{tag}leases")
                look.exists(f"{tag}sweeps")
                look.zrange(f"{tag}due", 0, 0, withscores=True)
                try:
                    leases, sweeps, due = look.execute()
                except (redis.ConnectionError, redis.TimeoutError):
                    return self.now_ms
            # Permits of campaigns may be open over any time; the engine's are not without a lease.
            if leases or sweeps:
                return self.now_ms
            dues += [int(at_ms) for _, at_ms in due]
        return min(dues, default=None)


@asynccontextmanager
async def a_world(plan: Plan, *, folder: Path, processes: bool = False) -> AsyncIterator[World]:
    """Everything started but the workers; `processes`: they are real ones with real leases."""
    async with AsyncExitStack() as stack:
        clock = SteppedClock.create(folder / "clock", START_MS)
        stack.callback(clock.close)
        store_folder = folder / "valkey"
        store_folder.mkdir()
        valkey = start_valkey(store_folder)
        stack.callback(valkey.stop)
        process = stack.enter_context(
            SimulatorProcess(
                folder / "linkedin",
                clock_file=str(folder / "clock"),
                null_share="0",
                private_share=str(plan.private_share),
            )
        )
        store = Store(
            url=valkey.url,
            clock=clock,
            marker=Marker(folder / "marker"),
            # The whole history is read at the end.
            retention_ms=1000 * DAY_MS,
        )
        stack.push_async_callback(store.close)
        await store.open()
        front = await stack.enter_async_context(Link(valkey.port))
        client = await stack.enter_async_context(_callers_service(front, folder / "clock"))
        workers: list[Worker] = []
        for _ in range(3):
            link = await stack.enter_async_context(Link(valkey.port))
            if processes:
                worker: Worker = ProcessWorker(
                    link=link, provider_url=process.url, clock_path=folder / "clock"
                )
            else:
                worker = EngineWorker(
                    link=link,
                    provider_url=process.url,
                    clock=clock,
                    lease_ms=SHORT_LEASE_MS if plan.faulty else LEASE_MS,
                    deadline_seconds=DEADLINE_SECONDS if plan.faulty else PATIENT_DEADLINE_SECONDS,
                )
            workers.append(worker)
            stack.push_async_callback(worker.kill)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        world = World(
            plan=plan,
            valkey=valkey,
            clock=clock,
            sim=SimulatorClient(url=process.url, session=session),
            front=front,
            client=client,
            workers=workers,
        )
        stack.callback(world.redis.close)
        yield world


@asynccontextmanager
async def _callers_service(link: Link, clock_path: Path) -> AsyncIterator[EnrichmentClient]:
    """The enrichment service without a worker, over gRPC, behind a link of its own."""
    settings = Settings(
        store_url=SecretStr(link.url),
        clock_file=clock_path,
        worker=False,
        provider_api_key=SecretStr(KEY),
        erasure_key=SecretStr(ERASURE_KEY),
        drain_grace_seconds=2,
    )
    app = await build(settings)
    server = await start_server(
        services=app.services,
        access=ACCESS,
        settings=settings,
        drain=app.drain,
        close=app.close,
    )
    try:
        async with EnrichmentClient(server.address, timeout=30) as client:
            yield client
    finally:
        await server.stop()
