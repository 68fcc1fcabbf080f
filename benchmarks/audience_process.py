"""The audience service in a process of its own, a client in another, and the memory of both."""

import asyncio
import sys
import time
from contextlib import AbstractContextManager
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

from audience.v1 import audiences_pb2

from benchmarks.server_process import Server, server_process
from clients.audience import AudienceClient
from clients.imports import import_file

PARENT: Final = "workspaces/acme"
LEADS: Final = f"{PARENT}/audiences/leads"
_HEADER: Final = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n"


class Imported(NamedTuple):
    """How long an import took, in seconds, and the most memory that its client had, in MiB."""

    seconds: float
    client_mib: float


def write_people(path: Path, *, rows: int) -> None:
    """Write LinkedIn's Connections.csv with so many people."""
    with path.open("w") as file:
        file.write(_HEADER)
        file.writelines(
            f"First{n % 997},Last{n % 7919},https://www.linkedin.com/in/person-{n:x},,"
            f'"Company, {n % 5003}",Engineer {n % 311},15 Jun 2026\n'
            for n in range(rows)
        )


def serving(database_url: str) -> AbstractContextManager[Server]:
    """The service on a database."""
    return server_process(
        [sys.executable, "-m", "audience_service"],
        {
            "AUDIENCE_DATABASE_URL": database_url,
            "AUDIENCE_ERASURE_KEY": "a secret of the benchmark",
            "AUDIENCE_ENRICHMENT_ADDRESS": "127.0.0.1:1",
            "AUDIENCE_LOG_LEVEL": "error",
        },
    )


def import_people(address: str, path: Path, *, validate_only: bool = False) -> Imported:
    """Import a file into the audience ``leads`` from a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_import, (address, path, validate_only))


def peak_mib(pid: int | str) -> float:
    """The most memory that a process has had (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [each for each in status.splitlines() if each.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def _import(address: str, path: Path, validate_only: bool) -> Imported:
    return asyncio.run(_send(address, path, validate_only))


async def _send(address: str, path: Path, validate_only: bool) -> Imported:
    async with AudienceClient(address) as client:
        await client.audiences.CreateAudience(
            audiences_pb2.CreateAudienceRequest(
                parent=PARENT, audience_id="leads", request_id="leads"
            )
        )
        started = time.perf_counter()
        with path.open("rb") as file:
            *_, receipt = [
                message
                async for message in import_file(
                    client.audiences,
                    file,
                    audience=LEADS,
                    request_id="dry-run-1" if validate_only else "benchmark",
                    validate_only=validate_only,
                    patience=600.0,
                )
            ]
        seconds = time.perf_counter() - started
    assert isinstance(receipt, audiences_pb2.ImportReceipt)
    assert receipt.added == receipt.rows
    return Imported(seconds, peak_mib("self"))
