"""16 client processes ask for views of the same accounts over gRPC, as fast as they can."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from enrichment.v1 import enrichments_pb2 as pb
from enrichment.v1.view_budgets_pb2 import GetViewBudgetRequest, ViewBudget

from tests.simulation.campaigns import name_of
from tests.simulation.deeds import Deeds, enrichment_name
from tests.simulation.plan import Plan, PlannedAccount, PlannedEnrichment
from tests.simulation.workers import REPOSITORY, Worker
from tests.simulation.world import ERASURE_KEY, World, a_world
from tests.support.valkey import free_port

CLIENTS = 16
CAP = 100
pytestmark = pytest.mark.timeout(300)


def full_accounts() -> list[PlannedAccount]:
    """Two accounts of one workspace that may have 100 views a day."""
    return [
        PlannedAccount(workspace="acme", name=name, strategy="VETERAN", ramp_age_days=30)
        for name in ("a", "b")
    ]


class Service:
    """The enrichment service without a worker, in a process of its own on a port that stays."""

    def __init__(self, store_url: str, clock: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._settings = {
            "ENRICHMENT_PORT": self.address.rpartition(":")[2],
            "ENRICHMENT_STORE_URL": store_url,
            "ENRICHMENT_CLOCK_FILE": str(clock),
            "ENRICHMENT_WORKER": "false",
            "ENRICHMENT_ERASURE_KEY": ERASURE_KEY,
            "ENRICHMENT_LOG_LEVEL": "error",
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = process = await _python("-m", "enrichment_service", **self._settings)
        assert process.stdout is not None
        assert await process.stdout.readline()

    async def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            await process.communicate()


async def _python(*arguments: str, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **settings},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def a_crowd(
    world: World, clock: Path
) -> AsyncIterator[tuple[list[Service], list[asyncio.subprocess.Process]]]:
    """Two services and 16 clients, all of them processes."""
    async with AsyncExitStack() as stack:
        services = [Service(world.valkey.url, clock) for _ in range(2)]
        for service in services:
            stack.push_async_callback(service.kill)
            await service.start()
        crowd = []
        for _ in range(CLIENTS):
            client = await _python("-m", "tests.simulation.contention_client")
            stack.push_async_callback(client.communicate)
            stack.callback(client.kill)
            crowd.append(client)
        yield services, crowd


async def want(
    services: list[Service], crowd: list[asyncio.subprocess.Process], demand: dict[str, int]
) -> Counter[str]:
    """Views granted to all clients together, each of which wants `demand`."""

    async def ask(client: asyncio.subprocess.Process, address: str) -> Counter[str]:
        assert client.stdin is not None
        assert client.stdout is not None
        order = {"address": address, "demand": demand}
        client.stdin.write(json.dumps(order).encode() + b"\n")
        return Counter(json.loads(await client.stdout.readline()))

    granted = await asyncio.gather(
        *(ask(client, services[n % 2].address) for n, client in enumerate(crowd))
    )
    return sum(granted, Counter())


async def budget_of(world: World, account: PlannedAccount) -> ViewBudget:
    request = GetViewBudgetRequest(name=f"{name_of(account)}/viewBudget")
    return (await world.client.view_budgets.GetViewBudget(request)).view_budget


async def test_without_faults_exactly_the_demand_or_the_cap_is_granted(tmp_path: Path) -> None:
    accounts = full_accounts()
    plan = Plan(seed=0, faulty=False, accounts=accounts)
    async with a_world(plan, folder=tmp_path) as world:
        await Deeds(world).prepare()
        async with a_crowd(world, tmp_path / "clock") as (services, crowd):
            low, high = map(name_of, accounts)
            granted = await want(services, crowd, {low: 3, high: 10})
        assert granted == {low: 3 * CLIENTS, high: CAP}
        for account in accounts:
            budget = await budget_of(world, account)
            assert (budget.committed, budget.reserved) == (granted[name_of(account)], 0)


async def test_while_processes_are_killed_never_one_above_the_cap(
    seed: int, tmp_path: Path
) -> None:
    accounts = full_accounts()
    enrichments = [PlannedEnrichment(name=f"of-{each.name}", account=each) for each in accounts]
    plan = Plan(seed=seed, faulty=True, accounts=accounts, enrichments=enrichments)
    random = Random(seed)
    async with a_world(plan, folder=tmp_path, processes=True) as world:
        deeds = Deeds(world)
        await deeds.prepare()
        # Enrichment wants half of the budget too, and its workers die as well.
        for enrichment in enrichments:
            await deeds.submit(enrichment, [f"{enrichment.name}-{n:03d}" for n in range(50)])
        async with a_crowd(world, tmp_path / "clock") as (services, crowd):
            await asyncio.gather(*(worker.start() for worker in world.workers))
            wanting = asyncio.create_task(
                want(services, crowd, {name_of(account): 20 for account in accounts})
            )
            mortals: list[Service | Worker] = [*services, *world.workers]
            kills = 0
            while not wanting.done():
                victim = random.choice(mortals)
                await asyncio.wait((wanting,), timeout=random.uniform(0.05, 0.5))
                if kills < 6:
                    await victim.kill()
                    await victim.start()
                    kills += 1
            granted = await wanting
        assert kills > 0
        await world.quiet()
        for account, enrichment in zip(accounts, enrichments, strict=True):
            seen = await world.sim.views(account.provider)
            viewed = sum(view["counted"] for view in seen)
            budget = await budget_of(world, account)
            assert granted[name_of(account)] + viewed <= budget.committed + budget.reserved <= CAP
            assert budget.limit == CAP
            assert granted[name_of(account)] > 0
            answer = await world.client.enrichments.GetEnrichment(
                pb.GetEnrichmentRequest(name=enrichment_name(enrichment))
            )
            assert answer.enrichment.progress.enriched <= viewed
