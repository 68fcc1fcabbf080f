"""The store on three nodes: the same calls as on one, and what happens when nodes change."""

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
import redis

from enrichment_service.event_news import Listener, News
from enrichment_service.ports import PARTITIONS, RefusedError, partition_of
from enrichment_service.store.event_tail import EventTail
from enrichment_service.store.routing import partition_slot
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from servicekit.errors import ServiceError
from servicekit.settings import ConfigurationError
from tests.support.enrichment_store import DAY_MS, Workspace
from tests.support.valkey import HOST, Valkey
from tests.support.valkey_cluster import PRIMARIES, ValkeyCluster, wait_until

_POLL_SECONDS = 0.05
_DEADLINE_SECONDS = 30.0


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    """Three primaries without replicas."""
    cluster = ValkeyCluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(nodes: ValkeyCluster) -> ValkeyCluster:
    """The same without a single key."""
    for number in range(PRIMARIES):
        nodes.ask(number, "FLUSHALL")
    return nodes


@pytest.fixture
def replicated(tmp_path: Path) -> Iterator[ValkeyCluster]:
    """Three primaries with a replica each, for one test."""
    cluster = ValkeyCluster(tmp_path / "replicated", replicas=True)
    yield cluster
    cluster.stop()


@asynccontextmanager
async def opened(url: str, clock: SteppedClock) -> AsyncIterator[Store]:
    """A store that is initialised unless it is already."""
    async with AsyncExitStack() as undo:
        store = Store(url=url, clock=clock, marker=None)
        undo.push_async_callback(store.close)
        await store.open(initialise=True)
        yield store


@pytest.fixture(params=["one node", "a Cluster"])
async def any_store(request: pytest.FixtureRequest, clock: SteppedClock) -> AsyncIterator[Store]:
    """A store on one node, and on three."""
    server: Valkey | ValkeyCluster = request.getfixturevalue(
        "empty_valkey" if request.param == "one node" else "cluster"
    )
    async with opened(server.url, clock) as store:
        yield store


def partition_on(cluster: ValkeyCluster, node: int) -> int:
    """A partition that a node has."""
    return next(p for p in range(PARTITIONS) if cluster.owner_of(partition_slot(p)) == node)


def workspace_in(store: Store, partition: int) -> Workspace:
    """A workspace of a partition."""
    name = next(name for n in count() if partition_of(name := f"w{n}") == partition)
    # Nothing is moved by hand in these tests: the client is never used.
    return Workspace(store, redis.Redis(), name)


async def answered(workspace: Workspace) -> dict[str, object]:
    """The budget, as soon as the partition is served again."""
    async with asyncio.timeout(_DEADLINE_SECONDS):
        while True:
            try:
                return await workspace.budget()
            except ServiceError as error:
                if not error.reason.startswith("STORE_"):
                    raise
                await asyncio.sleep(_POLL_SECONDS)


async def heard(listener: Listener) -> set[int]:
    """The partitions with news, after a moment at most."""
    await listener.wait(_POLL_SECONDS)
    partitions = set()
    while (partition := listener.take()) is not None:
        partitions.add(partition)
    return partitions


def all_know(cluster: ValkeyCluster, *, slot: int, owner: int) -> bool:
    """Whether every node says that the slot is the owner's."""
    return all(cluster.owner_of(slot, asked=asked) == owner for asked in range(PRIMARIES))


async def reason_of(workspace: Workspace) -> str:
    """Why a view is not given."""
    with pytest.raises(ServiceError) as refused:
        await workspace.consume(1)
    return refused.value.reason


async def test_the_same_work_on_any_store(any_store: Store) -> None:
    for partition in range(PARTITIONS):
        workspace = workspace_in(any_store, partition)
        await workspace.connect(strategy="NEW")
        reservation = await workspace.reserve(3)
        assert await workspace.settle(reservation, used=2) == 2
        assert await workspace.consume(1) == 1
        await workspace.create()
        await workspace.submit("e", ["ada", "bob"])
        assert await workspace.tick() == ["ada", "bob"]
        budget = await workspace.budget()
        assert (budget["committed"], budget["reserved"], budget["limit"]) == (5, 0, 10)
        assert await workspace.progress() == {"total": 2, "enriched": 2}
        assert [event["t"] for event in await workspace.events()] == [
            *("ACCOUNT_CONNECTED", "ENRICHMENT_CREATED"),
            *("PROFILE_ENRICHED", "PROFILE_ENRICHED", "ENRICHMENT_IDLE"),
        ]


async def test_partitions_are_spread_over_all_nodes(cluster: ValkeyCluster) -> None:
    owners = {cluster.owner_of(partition_slot(partition)) for partition in range(PARTITIONS)}
    assert owners == set(range(PRIMARIES))


async def test_one_address_is_enough_to_find_all_nodes(
    cluster: ValkeyCluster, clock: SteppedClock
) -> None:
    async with opened(cluster.nodes[2].url, clock) as store:
        urls = {await store.url_of(partition) for partition in range(PARTITIONS)}
        assert urls == {node.url for node in cluster.nodes}


async def test_several_addresses_are_for_a_cluster_only(
    empty_valkey: Valkey, clock: SteppedClock
) -> None:
    with pytest.raises(ConfigurationError, match="one Cluster"):
        async with opened(f"{empty_valkey.url},{empty_valkey.url}", clock):
            pass


async def test_an_intact_restart_changes_nothing(
    cluster: ValkeyCluster, clock: SteppedClock
) -> None:
    async with opened(cluster.url, clock) as store:
        workspace = workspace_in(store, partition_on(cluster, 1))
        await workspace.connect()
        await workspace.consume(4)
        epochs = [store.epoch(partition) for partition in range(PARTITIONS)]
        cluster.nodes[1].restart()
        budget = await answered(workspace)
        assert (budget["committed"], budget["lost"]) == (4, False)
        assert await workspace.consume(1) == 1
        assert [store.epoch(partition) for partition in range(PARTITIONS)] == epochs


async def test_a_slot_that_moves_as_a_whole_is_followed(
    cluster: ValkeyCluster, clock: SteppedClock
) -> None:
    async with opened(cluster.url, clock) as store:
        partition = partition_on(cluster, 0)
        slot = partition_slot(partition)
        workspace = workspace_in(store, partition)
        await workspace.connect()
        await workspace.consume(4)
        epoch = store.epoch(partition)
        for source, target in ((0, 1), (1, 0)):
            node_id = cluster.ask(target, "CLUSTER", "MYID")
            cluster.ask(
                *(source, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", node_id)
            )
            wait_until(functools.partial(all_know, cluster, slot=slot, owner=target))
            before = int((await workspace.budget())["committed"])
            assert await workspace.consume(1) == 1
            assert (await workspace.budget())["committed"] == before + 1
        assert await store.url_of(partition) == cluster.nodes[0].url
        assert store.epoch(partition) == epoch


async def test_while_a_slot_moves_key_by_key_nothing_is_half_written(
    cluster: ValkeyCluster, clock: SteppedClock
) -> None:
    async with opened(cluster.url, clock) as store:
        partition = partition_on(cluster, 0)
        slot = partition_slot(partition)
        workspace = workspace_in(store, partition)
        await workspace.connect()
        await workspace.consume(4)
        ids = [cluster.ask(number, "CLUSTER", "MYID") for number in range(PRIMARIES)]
        cluster.ask(1, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
        cluster.ask(0, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
        assert await reason_of(workspace) == "STORE_NOT_READY"
        target = cluster.nodes[1].port
        cluster.ask(0, "MIGRATE", HOST, target, f"{workspace.tag}header", 0, 5000)
        assert await reason_of(workspace) == "STORE_NOT_READY"
        for key in cluster.ask(0, "CLUSTER", "GETKEYSINSLOT", slot, 1000):
            cluster.ask(0, "MIGRATE", HOST, target, key, 0, 5000)
        for number in (1, 0, 2):
            cluster.ask(number, "CLUSTER", "SETSLOT", slot, "NODE", ids[1])
        assert (await answered(workspace))["committed"] == 4
        assert await workspace.consume(1) == 1


async def test_a_promoted_primary_gives_no_more_views_today(
    replicated: ValkeyCluster, clock: SteppedClock
) -> None:
    async with opened(replicated.url, clock) as store, opened(replicated.url, clock) as another:
        partition = partition_on(replicated, 0)
        lost, kept = (
            workspace_in(store, partition),
            workspace_in(store, partition_on(replicated, 1)),
        )
        for workspace in (lost, kept):
            await workspace.connect()
            await workspace.consume(2)
        epochs = [store.epoch(p) for p in range(PARTITIONS)]
        owners = [replicated.owner_of(partition_slot(p), asked=1) for p in range(PARTITIONS)]

        replicated.nodes[0].kill9()
        assert await kept.consume(1) == 1
        budget = await answered(lost)
        assert (budget["committed"], budget["available"], budget["lost"]) == (2, 0, True)
        with pytest.raises(RefusedError) as refused:
            await lost.consume(1)
        assert refused.value.details["day_lost"]
        assert await kept.consume(1) == 1
        for p in range(PARTITIONS):
            await workspace_in(another, p).call("describe_log")
            assert (store.epoch(p) != epochs[p]) == (owners[p] == 0)
            # Everybody agrees on the epoch that began.
            assert another.epoch(p) == store.epoch(p)
        # The old primary comes back as a replica, and the next day everybody has views again.
        replicated.nodes[0].restart()
        clock.advance_by(DAY_MS)
        assert await lost.consume(1) == 1
        assert await kept.consume(1) == 1


async def test_where_there_are_replicas_one_must_have_the_permit(
    replicated: ValkeyCluster, clock: SteppedClock
) -> None:
    async with opened(replicated.url, clock) as store:
        workspace = workspace_in(store, partition_on(replicated, 0))
        await workspace.connect()
        assert await workspace.consume(1) == 1
        replicated.nodes[PRIMARIES].kill9()
        assert await reason_of(workspace) == "STORE_NOT_REPLICATED"
        # Charged, since it was written; but only once, and all else goes on.
        assert await reason_of(workspace) == "STORE_NOT_REPLICATED"
        assert (await workspace.budget())["committed"] == 2
        replicated.nodes[PRIMARIES].restart()
        wait_until(lambda: replicated.ask(PRIMARIES, "ROLE")[3] == "connected")
        assert await workspace.consume(1) == 1


async def test_a_replica_must_be_fit_to_become_a_primary(
    replicated: ValkeyCluster, clock: SteppedClock
) -> None:
    replicated.ask(PRIMARIES, "CONFIG", "SET", "appendfsync", "everysec")
    with pytest.raises(ConfigurationError, match="appendfsync"):
        async with opened(replicated.url, clock):
            pass


async def test_news_of_all_partitions(any_store: Store) -> None:
    news = News()
    tail = EventTail(store=any_store, news=news)
    with news.listen(frozenset(range(PARTITIONS))) as listener:
        await tail.start()
        async with asyncio.timeout(_DEADLINE_SECONDS):
            while not news.live:
                await heard(listener)
            await heard(listener)
            for partition in range(PARTITIONS):
                await workspace_in(any_store, partition).connect()
            rung: set[int] = set()
            while rung != set(range(PARTITIONS)):
                rung |= await heard(listener)
        await tail.close()
