"""A lost store: today's budgets refuse until 00:00 UTC; an intact restart changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import redis

from enrichment_service.ports import PARTITIONS
from enrichment_service.store.partitions import Marker
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from servicekit.errors import ServiceError
from servicekit.settings import ConfigurationError
from tests.support.enrichment_store import DAY_MS, Workspace
from tests.support.key_leaks import dump, text
from tests.support.valkey import Valkey

Processes = Callable[..., Workspace]
"""Makes a process of its own, with the marker that it is given."""


@pytest.fixture
async def processes(
    empty_valkey: Valkey, valkey_client: "redis.Redis", clock: SteppedClock
) -> AsyncIterator[Processes]:
    """Several processes on one store; each opens its store by itself."""
    async with AsyncExitStack() as stack:

        def start(marker: Marker | None = None) -> Workspace:
            store = Store(url=empty_valkey.url, clock=clock, marker=marker)
            stack.push_async_callback(store.close)
            return Workspace(store, valkey_client)

        yield start


def epochs(workspace: Workspace) -> list[str]:
    """As the process knows them."""
    return [workspace.store.epoch(partition) for partition in range(PARTITIONS)]


async def answers_again(workspace: Workspace) -> None:
    """Waits until a process has found its store again, by itself."""
    while True:
        try:
            await workspace.budget()
        except ServiceError:
            await asyncio.sleep(0.01)
        else:
            return


async def test_a_loss_under_a_running_process_costs_the_day(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await workspace.connect()
    await workspace.consume(1)
    workspace.client.flushall()
    await workspace.connect()
    budget = await workspace.budget()
    assert (budget["lost"], budget["limit"], budget["available"]) == (True, 10, 0)
    with_partial = {"account": "w/a", "purpose": "MANUAL", "count": 1, "allow_partial": True}
    assert await workspace.refusal("consume_views", **with_partial) == "VIEW_BUDGET_EXHAUSTED"
    await workspace.create()
    await workspace.submit("e", ["ada"])
    assert await workspace.tick() == []

    clock.advance_to((clock.now_ms() // DAY_MS + 1) * DAY_MS)
    assert await workspace.consume(10) == 10
    assert (await workspace.budget())["lost"] is False


async def test_an_intact_restart_changes_nothing(
    workspace: Workspace, valkey: Valkey, clock: SteppedClock
) -> None:
    await workspace.connect()
    await workspace.consume(3)
    reservation = await workspace.reserve(2)
    before, known = dump(workspace.client), epochs(workspace)
    valkey.kill9()
    with pytest.raises(ServiceError, match="store"):
        await workspace.budget()
    valkey.restart()
    await answers_again(workspace)
    assert epochs(workspace) == known
    # But for the headers, which note the run of the server that they were last written in.
    after = dump(workspace.client)
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert {text(key).partition(":")[2] for key in changed} <= {"header"}
    assert await workspace.settle(reservation, used=1) == 1
    budget = await workspace.budget()
    assert (budget["committed"], budget["lost"]) == (4, False)


async def test_a_process_that_starts_on_an_intact_store_changes_nothing(
    processes: Processes, tmp_path: Path
) -> None:
    for marker in (Marker(tmp_path / "marker"), None):
        first, second = processes(marker), processes(marker)
        await first.store.open(initialise=True)
        known = epochs(first)
        await second.store.open()
        assert epochs(second) == known
        assert (await first.look())["open"] == 0


async def test_a_marker_without_headers_means_a_lost_day(
    processes: Processes, tmp_path: Path, clock: SteppedClock
) -> None:
    marker = Marker(tmp_path / "marker")
    first, second = processes(marker), processes(marker)
    await first.store.open()
    first.client.flushall()
    await second.store.open()
    await second.connect()
    assert (await second.budget())["lost"] is True
    assert set(epochs(second)).isdisjoint(epochs(first))


async def test_a_store_without_headers_is_initialised_only_on_demand(processes: Processes) -> None:
    process = processes(None)
    with pytest.raises(ConfigurationError, match="not been initialised"):
        await process.store.open()
    assert dump(process.client) == {}
    await process.store.open(initialise=True)
    await process.connect()
    assert (await process.budget())["lost"] is False


@pytest.mark.parametrize("days_later", [0, 1, 5])
async def test_all_who_notice_one_loss_agree_on_one_epoch(
    processes: Processes, clock: SteppedClock, days_later: int
) -> None:
    """Also who notices only days later: it was the same loss, and the day since then is good."""
    early, late = processes(), processes()
    await early.store.open(initialise=True)
    await late.store.open()
    early.client.flushall()
    await early.connect()
    epoch = early.store.epoch(early.partition)
    clock.advance_by(days_later * DAY_MS)
    assert (await late.budget())["lost"] is (days_later == 0)
    for process in (early, late, early):
        assert (await process.budget())["lost"] is (days_later == 0)
        assert process.store.epoch(process.partition) == epoch


async def test_who_notices_a_loss_at_the_same_moment_agrees_too(processes: Processes) -> None:
    crowd = [processes() for _ in range(4)]
    await crowd[0].store.open(initialise=True)
    for process in crowd[1:]:
        await process.store.open()
    crowd[0].client.flushall()
    await asyncio.gather(*(process.look() for process in crowd for _ in range(4)))
    assert len({process.store.epoch(process.partition) for process in crowd}) == 1


async def test_two_processes_may_initialise_one_store(processes: Processes) -> None:
    first, second = processes(), processes()
    await asyncio.gather(first.store.open(initialise=True), second.store.open(initialise=True))
    assert epochs(first) == epochs(second)
    await first.connect()
    assert (await second.budget())["lost"] is False


async def test_a_store_that_was_put_back_costs_the_day(processes: Processes) -> None:
    """A header of another life of the store: nobody knows what was viewed in this one."""
    process = processes()
    await process.store.open(initialise=True)
    await process.connect()
    process.client.hset(process.tag + "header", "epoch", "an older one")
    assert (await process.budget())["lost"] is True
