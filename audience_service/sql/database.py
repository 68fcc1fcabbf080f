"""Connections and transactions: one writer a workspace, and none cut short by a cancelled call."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import event, func, select
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    InterfaceError,
    InvalidRequestError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from audience_service.shielding import to_its_end
from audience_service.sql.statement_spans import trace_statements
from servicekit.errors import Code, ServiceError, unavailable
from servicekit.settings import ConfigurationError

ResultT = TypeVar("ResultT")
Work = Callable[[AsyncConnection], Awaitable[ResultT]]

# Transactions are short: whoever takes longer waits for a database that does not answer.
_CLOSE_SECONDS: Final = 10.0

# What every connection to SQLite needs, be it for safety or for speed.
SQLITE_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "busy_timeout = 30000",
    # In KiB, and in pages: names come in any order, so an import writes all over their index.
    "cache_size = -16384",
    "wal_autocheckpoint = 8192",
)


class Database:
    """An engine and the rules of its transactions."""

    def __init__(self, url: str) -> None:
        """``url`` is SQLAlchemy's, such as ``sqlite+aiosqlite:///path``; nothing is opened yet.

        ConfigurationError when it names no database that there is a driver for.
        """
        try:
            address = make_url(url)
            if address.drivername in ("postgres", "postgresql"):
                address = address.set(drivername="postgresql+psycopg")
            self._embedded = address.get_backend_name() == "sqlite"
            self.engine: AsyncEngine = create_async_engine(address, json_deserializer=orjson.loads)
            trace_statements(self.engine.sync_engine)
        except (ArgumentError, InvalidRequestError, ModuleNotFoundError) as error:
            raise ConfigurationError(
                "AUDIENCE_DATABASE_URL: give a database with an async driver, such as "
                "sqlite+aiosqlite:////data/audience.db."
            ) from error
        self.file = Path(address.database) if self._embedded and address.database else None
        """The file of an embedded database."""
        # SQLite lets one writer in; waiting here is fair and costs no polling.
        self._writer = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()
        if self._embedded:
            event.listen(self.engine.sync_engine, "connect", _set_up_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)

    async def read(self, work: Work[ResultT]) -> ResultT:
        """Run ``work`` in a transaction that sees one state of the database."""
        with _translated():
            return await to_its_end(self._tracked(self._read(work)))

    async def write(self, workspaces: Sequence[str], work: Work[ResultT]) -> ResultT:
        """Run ``work`` as the only writer of identity and membership in these workspaces.

        Committed when it returns, rolled back when it raises; a cancelled caller waits for that.
        """
        with _translated():
            return await to_its_end(self._tracked(self._write(workspaces, work)))

    async def close(self) -> None:
        """Close all connections, once the transactions under way have ended.

        The callers of some may be gone: what is cancelled at the end of the server ends by itself.
        """
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self.engine.dispose()

    async def _tracked(self, transaction: Coroutine[Any, Any, ResultT]) -> ResultT:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            return await transaction
        finally:
            self._running.discard(task)

    async def _read(self, work: Work[ResultT]) -> ResultT:
        async with self.engine.connect() as connection:
            if not self._embedded:
                await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                return await work(connection)

    async def _write(self, workspaces: Sequence[str], work: Work[ResultT]) -> ResultT:
        async with AsyncExitStack() as stack:
            if self._embedded:
                await stack.enter_async_context(self._writer)
            connection = await stack.enter_async_context(self.engine.connect())
            await connection.execution_options(audience_writes=True)
            await stack.enter_async_context(connection.begin())
            if not self._embedded:
                # In one order, so that two writers of several workspaces never wait in a ring.
                for workspace in sorted(set(workspaces)):
                    key = func.hashtextextended(workspace, 0)
                    await connection.execute(select(func.pg_advisory_xact_lock(key)))
            return await work(connection)


@contextmanager
def _translated() -> Iterator[None]:
    """A database that is away or has no place is nobody's fault and passes."""
    try:
        yield
    except DataError as error:
        raise ServiceError(
            code=Code.INVALID_ARGUMENT,
            reason="TEXT_INVALID",
            message="A text of the request holds a character that cannot be kept, such as U+0000. "
            "Take it out and send the request again.",
        ) from error
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise unavailable(
            "DATABASE_UNAVAILABLE",
            "The database does not answer. Repeat the call in a moment.",
        ) from error


def _set_up_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN would be a deferred one, and only before the first write.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("audience_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
