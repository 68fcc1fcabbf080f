"""Rows a second of an import over gRPC, beside the same rows written bare.

Into SQLite beside a bare executemany, into PostgreSQL beside a bare COPY: the same prospects,
aliases and memberships into the same tables with the same indexes.

Run: python -m benchmarks.imports [--rows 200000] [--database sqlite|postgresql]
"""

import argparse
import asyncio
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import psycopg
from audience.v1 import audiences_pb2
from sqlalchemy import select
from sqlalchemy.engine import make_url

from audience_service.sql.database import SQLITE_PRAGMAS, Database
from audience_service.sql.migrate import migrate
from audience_service.sql.schema import aliases, audiences, memberships, prospects
from clients.audience import AudienceClient
from clients.imports import import_file
from tests.support.postgres import new_database, start_postgres

_TABLES: Final = (audiences, prospects, aliases, memberships)
_AUDIENCE: Final = "workspaces/acme/audiences/leads"
_HEADER: Final = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n"
_BATCH: Final = 2_000

_Rows = dict[str, list[tuple[Any, ...]]]


def _file(rows: int) -> bytes:
    """LinkedIn's Connections.csv with so many people."""
    lines = (
        f"First{n % 997},Last{n % 7919},https://www.linkedin.com/in/person-{n:x},,"
        f'"Company, {n % 5003}",Engineer {n % 311},15 Jun 2026\n'
        for n in range(rows)
    )
    return (_HEADER + "".join(lines)).encode()


@contextmanager
def _service(database_url: str) -> Iterator[tuple[str, int]]:
    """The service in a process of its own: its address and pid."""
    process = subprocess.Popen(
        [sys.executable, "-m", "audience_service"],
        env={
            **os.environ,
            "AUDIENCE_DATABASE_URL": database_url,
            "AUDIENCE_ERASURE_KEY": "a secret of the benchmark",
            "AUDIENCE_ENRICHMENT_ADDRESS": "127.0.0.1:1",
            "AUDIENCE_LOG_LEVEL": "error",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"], process.pid
    finally:
        process.terminate()
        process.communicate()


async def _import(address: str, data: bytes) -> float:
    """Import the file; returns the seconds until the receipt."""
    async with AudienceClient(address) as client:
        await client.audiences.CreateAudience(
            audiences_pb2.CreateAudienceRequest(parent="workspaces/acme", audience_id="leads")
        )
        started = time.perf_counter()
        *_, receipt = [
            message
            async for message in import_file(
                client.audiences, io.BytesIO(data), audience=_AUDIENCE, request_id="benchmark"
            )
        ]
        seconds = time.perf_counter() - started
        assert isinstance(receipt, audiences_pb2.ImportReceipt)
        assert receipt.added == receipt.rows
        return seconds


async def _written(database_url: str) -> _Rows:
    """The rows that the service wrote, as a driver takes them."""
    database = Database(database_url)
    rows: _Rows = {}
    async with database.engine.connect() as connection:
        for table in _TABLES:
            found = await connection.execute(select(table))
            rows[table.name] = [
                tuple(json.dumps(each) if isinstance(each, dict) else each for each in row)
                for row in found
            ]
    await database.close()
    # In the order in which the people came, as the service wrote them.
    came = {row[1]: number for number, row in enumerate(rows["prospects"])}
    for name in ("aliases", "memberships"):
        rows[name].sort(key=lambda row: came[row[2]])
    return rows


async def _make_tables(database_url: str) -> None:
    database = Database(database_url)
    await migrate(database)
    await database.close()


def _into(name: str) -> str:
    """A table with its columns in the order of the rows: migrations added some behind others."""
    [table] = [each for each in _TABLES if each.name == name]
    return f"{name} ({', '.join(column.name for column in table.columns)})"


def _executemany(path: str, rows: _Rows) -> float:
    """Write the rows in transactions of the size that the service uses; returns the seconds."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    waiting = {name: iter(each) for name, each in rows.items()}
    started = time.perf_counter()
    while True:
        batches = {name: list(islice(each, _BATCH)) for name, each in waiting.items()}
        if not any(batches.values()):
            break
        connection.execute("BEGIN IMMEDIATE")
        for name, batch in batches.items():
            if batch:
                marks = ",".join("?" * len(batch[0]))
                connection.executemany(f"INSERT INTO {_into(name)} VALUES ({marks})", batch)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def _copy(database_url: str, rows: _Rows) -> float:
    """COPY the rows table by table in one transaction; returns the seconds."""
    url = make_url(database_url)
    with psycopg.connect(
        host=url.host, port=url.port or 5432, user=url.username, dbname=url.database
    ) as connection:
        started = time.perf_counter()
        for name, each in rows.items():
            with connection.cursor().copy(f"COPY {_into(name)} FROM STDIN") as copy:
                for row in each:
                    copy.write_row(row)
        connection.commit()
        return time.perf_counter() - started


def _peak_mib(pid: int) -> float:
    """The most memory that a process has had (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [each for each in status.splitlines() if each.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def _measure(database_url: str, bare_url: str, *, rows: int) -> tuple[float, float, float]:
    """Rows a second of the service, then of the bare way, and the service's memory in MiB."""
    data = _file(rows)
    with _service(database_url) as (address, pid):
        seconds = asyncio.run(_import(address, data))
        peak = _peak_mib(pid)
    written = asyncio.run(_written(database_url))
    asyncio.run(_make_tables(bare_url))
    path = make_url(bare_url).database
    assert path is not None
    embedded = bare_url.startswith("sqlite")
    bare = _executemany(path, written) if embedded else _copy(bare_url, written)
    return rows / seconds, rows / bare, peak


def _report(name: str, floor: str, results: Sequence[float]) -> None:
    rate, bare, peak = results
    print(f"{name:<12} bare {floor:<12} {bare:>9,.0f} rows/s  1.00")
    print(f"{'':<12} import over gRPC  {rate:>9,.0f} rows/s  {rate / bare:.2f}")
    print(f"{'':<12} most memory       {peak:>9.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"])
    arguments = parser.parse_args()
    rows: int = arguments.rows
    if arguments.database != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            urls = [f"sqlite+aiosqlite:///{folder}/{name}.db" for name in ("service", "bare")]
            _report("SQLite", "executemany", _measure(urls[0], urls[1], rows=rows))
    if arguments.database != "sqlite":
        server = start_postgres()
        try:
            _report(
                "PostgreSQL",
                "COPY",
                _measure(new_database(server), new_database(server), rows=rows),
            )
        finally:
            server.stop()


if __name__ == "__main__":
    main()
