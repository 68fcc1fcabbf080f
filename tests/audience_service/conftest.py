"""The audience service in this process, on databases of the test's own and real gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import event

from audience_service.access import ACCESS
from audience_service.app import build
from audience_service.person_keys import PersonKeys
from audience_service.settings import Settings
from audience_service.sql.database import Database
from audience_service.sql.migrate import migrate
from audience_service.sql.store import SqlStore
from clients.audience import AudienceClient
from servicekit.clock import SteppedClock
from servicekit.server import start_server
from tests.audience_service.enrichment_stub import EnrichmentStub
from tests.audience_service.tenancy import refuse_without_workspace
from tests.support.postgres import Postgres, new_database, start_postgres

Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


@pytest.fixture
async def enrichment() -> EnrichmentStub:
    """The enrichment service that the audience service of the test talks to."""
    return EnrichmentStub()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    server = start_postgres()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of the test's own: each test of the service runs on every kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'audience.db'}"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
async def server_address(
    enrichment: EnrichmentStub, database_url: str, tmp_path: Path, clock: SteppedClock
) -> AsyncIterator[str]:
    """The address of a running audience service."""
    async with AsyncExitStack() as stack:
        address = await enrichment.start()
        stack.push_async_callback(enrichment.stop)
        settings = Settings(
            database_url=SecretStr(database_url),
            erasure_key=SecretStr("a secret of the tests"),
            enrichment_address=address,
            clock_file=tmp_path / "clock",
            drain_grace_seconds=0.5,
        )
        app = await build(settings)
        event.listen(app.database.engine.sync_engine, "before_execute", refuse_without_workspace)
        server = await start_server(
            services=app.services,
            access=ACCESS,
            settings=settings,
            drain=app.drain,
            close=app.close,
        )
        stack.push_async_callback(server.stop)
        yield server.address


@pytest.fixture
async def client(server_address: str) -> AsyncIterator[AudienceClient]:
    """A client of it, which waits as long as a busy machine may need."""
    async with AudienceClient(server_address, timeout=60.0) as client:
        yield client


@pytest.fixture
async def empty_database(database_url: str) -> AsyncIterator[Database]:
    """A database without tables."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def database(empty_database: Database) -> Database:
    """An empty, migrated database that refuses statements without a workspace."""
    await migrate(empty_database)
    event.listen(empty_database.engine.sync_engine, "before_execute", refuse_without_workspace)
    return empty_database


@pytest.fixture
def sql(database: Database) -> SqlStore:
    """A store on it."""
    return SqlStore(database, keys=PersonKeys(b"a secret of the tests"))


@pytest.fixture
def until() -> Until:
    """Waits until an async condition holds, at most 20 s."""

    async def wait(holds: Callable[[], Awaitable[bool]]) -> None:
        deadline = asyncio.get_running_loop().time() + 20
        while not await holds():
            assert asyncio.get_running_loop().time() < deadline, "it did not come true"
            await asyncio.sleep(0.02)

    return wait
