"""16 clients that want views of the same accounts as fast as they can."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from enrichment_service.ports import RefusedError
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.support.enrichment_store import Workspace
from tests.support.valkey import Valkey

CLIENTS = 16


@pytest.fixture
async def clients(
    workspace: Workspace, valkey: Valkey, clock: SteppedClock
) -> AsyncIterator[list[Workspace]]:
    """Clients over four connections."""
    async with AsyncExitStack() as stack:
        stores = []
        for _ in range(4):
            store = Store(url=valkey.url, clock=clock, marker=None)
            stack.push_async_callback(store.close)
            await store.open()
            stores.append(store)
        yield [Workspace(stores[n % 4], workspace.client) for n in range(CLIENTS)]


@pytest.mark.parametrize(("demand", "expected"), [(3, 48), (10, 100)])
async def test_without_faults_exactly_the_demand_or_the_cap_is_granted(
    workspace: Workspace, clients: list[Workspace], demand: int, expected: int
) -> None:
    accounts = ("a", "b")
    for account in accounts:
        await workspace.connect(account, strategy="VETERAN")
        # Week 2: 100 views a day.
        await workspace.call(
            "update_account",
            account=workspace.of(account),
            settings={},
            ramp_start=(await workspace.budget(account))["day"] - 7,
        )

    async def want(client: Workspace, account: str, seed: int) -> int:
        random_ = random.Random(seed)
        granted = 0
        for number in range(demand):
            try:
                if random_.random() < 0.5:
                    granted += await client.consume(1, account)
                    continue
                reservation = await client.reserve(1, account)
            except RefusedError:
                continue
            granted += await client.settle(reservation, account, used=1)
            budget = await client.budget(account)
            assert budget["committed"] + budget["reserved"] <= 100, number
        return granted

    for account in accounts:
        granted = await asyncio.gather(
            *(want(client, account, seed) for seed, client in enumerate(clients))
        )
        assert sum(granted) == expected
        budget = await workspace.budget(account)
        assert (budget["committed"], budget["reserved"]) == (expected, 0)


async def test_releases_and_expiries_amid_the_crowd_never_lift_the_cap(
    workspace: Workspace, clients: list[Workspace]
) -> None:
    await workspace.connect(strategy="VETERAN")

    async def want(client: Workspace, seed: int) -> int:
        random_ = random.Random(seed)
        happened = 0
        for _ in range(20):
            try:
                reservation = await client.reserve(random_.randint(1, 3))
            except RefusedError:
                continue
            match random_.choice(["commit", "release", "lose"]):
                case "commit":
                    happened += await client.settle(reservation, used=1)
                case "release":
                    await client.settle(reservation, used=None)
                case "lose":
                    client.let_expire(reservation)
                    happened += await client.settle(reservation, used=1)
            budget = await client.budget()
            assert budget["committed"] + budget["reserved"] <= 50
        return happened

    happened = await asyncio.gather(*(want(client, seed) for seed, client in enumerate(clients)))
    budget = await workspace.budget()
    assert budget["committed"] == sum(happened) <= 50
    assert budget["available"] <= 3


async def test_one_due_account_goes_to_one_of_many_workers(
    workspace: Workspace, clients: list[Workspace]
) -> None:
    for account in ("a", "b", "c"):
        await workspace.connect(account)
        await workspace.create(f"of-{account}", account)
        await workspace.submit(f"of-{account}", [f"{account}-ada"])
    leases = await asyncio.gather(*(client.claim() for client in clients))
    assert sorted(lease.account for lease in leases if lease) == ["w/a", "w/b", "w/c"]
