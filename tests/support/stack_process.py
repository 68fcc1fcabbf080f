"""`audiencectl up` as a process of its own, and other commands against it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import is_running

AUDIENCECTL = (sys.executable, "-m", "clients.audiencectl")
FREE_PORTS = ("--audience-port", "0", "--enrichment-port", "0", "--simulator-port", "0")
_START_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


class RunningStack:
    """A stack that printed its addresses; they are read again from its directory when asked for."""

    def __init__(self, process: asyncio.subprocess.Process, *, data_dir: Path, line: str) -> None:
        self.process = process
        self.data_dir = data_dir
        self.line = line
        document = json.loads(line)
        self.audience: str = document["audience"]
        self.enrichment: str = document["enrichment"]
        self.simulator: str = document["simulator"]
        self.store: str = document["store"]

    @property
    def pids(self) -> dict[str, int]:
        """Its processes as they are now."""
        pids: dict[str, int] = json.loads((self.data_dir / "addresses.json").read_text())["pids"]
        return pids

    async def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 40)


@asynccontextmanager
async def running(data_dir: Path, *options: str) -> AsyncGenerator[RunningStack]:
    """A stack on free ports; whatever is left of it at the end is killed."""
    with (data_dir.parent / f"{data_dir.name}.stderr").open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *AUDIENCECTL,
            "up",
            "--data-dir",
            str(data_dir),
            *FREE_PORTS,
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        assert line, f"it did not come up: {_text_of(stderr.name)}"
        yield RunningStack(process, data_dir=data_dir, line=line.decode())
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 40)


async def command(*arguments: str, environment: dict[str, str] | None = None) -> Ended:
    """Run `audiencectl` to its end."""
    process = await asyncio.create_subprocess_exec(
        *AUDIENCECTL,
        *arguments,
        env={**os.environ, "COLUMNS": "120", **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ended(status=process.returncode or 0, stdout=out.decode(), stderr=err.decode())


def _text_of(file: str) -> str:
    return Path(file).read_text()


def left_running(pids: dict[str, int]) -> list[str]:
    """Names of the processes that still live."""
    return [name for name, pid in pids.items() if is_running(pid)]
