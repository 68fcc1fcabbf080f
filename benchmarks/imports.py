"""Rows a second of an import over gRPC, beside the same rows written bare; and memory.

Into SQLite beside a bare executemany, into PostgreSQL beside a bare COPY: the same prospects,
aliases and memberships, prepared, into the same tables with the same indexes, in the same order.

Run: python -m benchmarks.imports [--rows 200000] [--database sqlite|postgresql]
"""

import argparse
import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import psycopg
from sqlalchemy import Table
from sqlalchemy.engine import make_url

from audience_service.sql.database import SQLITE_PRAGMAS, Database
from audience_service.sql.migrate import migrate
from audience_service.sql.schema import aliases, audiences, memberships, prospects
from benchmarks.audience_process import import_people, peak_mib, serving, write_people
from tests.support.postgres import new_database, start_postgres

_TABLES: Final = (audiences, prospects, aliases, memberships)
_BATCH: Final = 2_000
_BLOCK: Final = 1 << 16


class _Result(NamedTuple):
    """Rows a second, and MiB by process."""

    rate: float
    bare: float
    memory: dict[str, float]


def _columns(table: Table, prefix: str = "") -> str:
    """The columns in one order: migrations added some behind others."""
    return ", ".join(f"{prefix}{column.name}" for column in table.columns)


def _in_order(table: Table) -> str:
    """The rows of a table in the order in which the people came, as the service wrote them."""
    if table is audiences:
        return f"SELECT {_columns(table)} FROM audiences"
    if table is memberships:
        return f"SELECT {_columns(table)} FROM memberships ORDER BY seq"
    key = "id" if table is prospects else "prospect"
    return (
        f"SELECT {_columns(table, 'wanted.')} FROM {table.name} AS wanted JOIN memberships AS m "
        f"ON m.workspace = wanted.workspace AND m.prospect = wanted.{key} ORDER BY m.seq"
    )


async def _make_tables(database_url: str) -> None:
    database = Database(database_url)
    await migrate(database)
    await database.close()


def _path(database_url: str) -> str:
    return make_url(database_url).database or ""


def _executemany(from_path: str, to_path: str) -> float:
    """Write the rows in transactions of the service's size; seconds, without the reading."""
    source = sqlite3.connect(from_path)
    target = sqlite3.connect(to_path, isolation_level=None)
    for pragma in SQLITE_PRAGMAS:
        target.execute(f"PRAGMA {pragma}")
    waiting = {table: source.cursor().execute(_in_order(table)) for table in _TABLES}
    seconds = 0.0
    while True:
        batches = {table: cursor.fetchmany(_BATCH) for table, cursor in waiting.items()}
        if not any(batches.values()):
            break
        started = time.perf_counter()
        target.execute("BEGIN IMMEDIATE")
        for table, batch in batches.items():
            marks = ",".join("?" * len(table.columns))
            into = f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({marks})"
            target.executemany(into, batch)
        target.execute("COMMIT")
        seconds += time.perf_counter() - started
    source.close()
    target.close()
    return seconds


def _connect(database_url: str) -> "psycopg.Connection[tuple[object, ...]]":
    url = make_url(database_url)
    return psycopg.connect(
        host=url.host, port=url.port or 5432, user=url.username, dbname=url.database
    )


def _copy(from_url: str, to_url: str, folder: Path) -> float:
    """COPY the rows table by table from files, in one transaction; returns the seconds."""
    with _connect(from_url) as source:
        for table in _TABLES:
            with (
                (folder / table.name).open("wb") as file,
                source.cursor().copy(f"COPY ({_in_order(table)}) TO STDOUT") as copy,
            ):
                file.writelines(copy)
    with _connect(to_url) as target:
        started = time.perf_counter()
        for table in _TABLES:
            into = f"COPY {table.name} ({_columns(table)}) FROM STDIN"
            with (folder / table.name).open("rb") as file, target.cursor().copy(into) as copy:
                while block := file.read(_BLOCK):
                    copy.write(block)
        target.commit()
        return time.perf_counter() - started


def _backends(database_url: str) -> dict[str, float]:
    """The most memory of the database's processes for the service, shared memory included."""
    with _connect(database_url) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        peaks = [peak_mib(str(pid)) for (pid,) in found]
    return {"a PostgreSQL process": max(peaks)} if peaks else {}


def _measure(database_url: str, bare_url: str, *, rows: int, folder: Path) -> _Result:
    embedded = database_url.startswith("sqlite")
    file = folder / "Connections.csv"
    write_people(file, rows=rows)
    with serving(database_url) as service:
        import_people(service.address, file, validate_only=True)
        memory = {"service, dry run": peak_mib(service.pid)}
    with serving(database_url) as service:
        imported = import_people(service.address, file)
        memory |= {"service": peak_mib(service.pid), "client": imported.client_mib}
        memory |= {} if embedded else _backends(database_url)
    asyncio.run(_make_tables(bare_url))
    if embedded:
        bare = _executemany(_path(database_url), _path(bare_url))
    else:
        bare = _copy(database_url, bare_url, folder)
    return _Result(rows / imported.seconds, rows / bare, memory)


def _report(name: str, floor: str, result: _Result) -> None:
    print(f"{name:<12} bare {floor:<20} {result.bare:>9,.0f} rows/s  1.00")
    ratio = result.rate / result.bare
    print(f"{'':<12} import over gRPC          {result.rate:>9,.0f} rows/s  {ratio:.2f}")
    for process, mib in result.memory.items():
        print(f"{'':<12} memory: {process:<20} {mib:>6,.0f} MiB", flush=True)


def _run(names: Sequence[str], *, rows: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "sqlite" in names:
            urls = [f"sqlite+aiosqlite:///{folder}/{each}.db" for each in ("service", "bare")]
            result = _measure(urls[0], urls[1], rows=rows, folder=folder)
            _report("SQLite", "executemany", result)
        if "postgresql" in names:
            server = start_postgres()
            try:
                urls = [new_database(server), new_database(server)]
                result = _measure(urls[0], urls[1], rows=rows, folder=folder)
                _report("PostgreSQL", "COPY", result)
            finally:
                server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"])
    arguments = parser.parse_args()
    both = ("sqlite", "postgresql")
    _run([arguments.database] if arguments.database else both, rows=arguments.rows)


if __name__ == "__main__":
    main()
