"""Servers and stores for all tests. Each xdist worker has its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from enrichment_service.store.partitions import Marker
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.support.enrichment_store import Workspace
from tests.support.key_leaks import leaked_keys
from tests.support.stranded import stranded_work
from tests.support.valkey import Valkey, start_valkey

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", parent=settings.default, deadline=None)
settings.load_profile("untimed")

START_MS = 1_767_603_600_000
"""Where stepped clocks start: Monday 2026-01-05, 09:00 UTC."""


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Valkey server; a test that kills it must restart it."""
    server = start_valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey_url(valkey: Valkey) -> str:
    """Its URL."""
    return valkey.url


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[SteppedClock]:
    """A stepped clock of the test's own, at START_MS."""
    clock = SteppedClock.create(tmp_path / "clock", START_MS)
    yield clock
    clock.close()


@pytest.fixture
def valkey_client(valkey: Valkey) -> Iterator["redis.Redis"]:
    """A plain client of the server, to look at keys and to move deadlines."""
    with redis.Redis.from_url(valkey.url) as client:
        yield client


@pytest.fixture
def empty_valkey(valkey: Valkey, valkey_client: "redis.Redis") -> Valkey:
    """The server without a single key."""
    valkey_client.flushall()
    return valkey


@pytest.fixture
def no_key_leaks(empty_valkey: Valkey, valkey_client: "redis.Redis") -> Iterator[None]:
    """Fails the test if it leaves a key that should have a TTL and has none."""
    yield
    assert leaked_keys(valkey_client) == []


@pytest.fixture
def nothing_stranded(empty_valkey: Valkey) -> Iterator[None]:
    """Fails the test if it leaves work in the store that nobody would ever come to."""
    yield
    assert stranded_work(empty_valkey.url) == []


@pytest.fixture
async def store(
    empty_valkey: Valkey,
    no_key_leaks: None,
    nothing_stranded: None,
    clock: SteppedClock,
    tmp_path: Path,
) -> AsyncIterator[Store]:
    """An open store in an empty server on the stepped clock, initialised as an embedded one is."""
    store = Store(url=empty_valkey.url, clock=clock, marker=Marker(tmp_path / "marker"))
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def workspace(store: Store, valkey_client: "redis.Redis") -> Workspace:
    """A workspace in that store."""
    return Workspace(store, valkey_client)
