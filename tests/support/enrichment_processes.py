"""Processes of the enrichment service on one store, of this version or of another."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import enrichment_service

_SECONDS = 30.0


class EnrichmentProcesses:
    """Each on a port of its own; end them all with `stop_all`."""

    def __init__(self, *, store_url: str, clock: Path, **environment: str) -> None:
        self._environment = {
            **os.environ,
            "ENRICHMENT_STORE_URL": store_url,
            "ENRICHMENT_CLOCK_FILE": str(clock),
            **environment,
        }
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def start(self, port: int, *, version: Path | None = None) -> None:
        """Waits until it answers; `version` is a folder with the package of another version."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "enrichment_service"),
            env={**self._environment, "ENRICHMENT_PORT": str(port)},
            # Modules of the working folder come first.
            cwd=version,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._processes[port] = process
        assert process.stdout is not None
        ready = await asyncio.wait_for(process.stdout.readline(), _SECONDS)
        assert json.loads(ready)["address"].endswith(f":{port}")

    async def stop(self, port: int) -> int:
        """SIGTERM; the exit status."""
        process = self._processes.pop(port)
        process.terminate()
        return await asyncio.wait_for(process.wait(), _SECONDS)

    async def stop_all(self) -> None:
        """SIGTERM to all that still run."""
        for port in list(self._processes):
            await self.stop(port)


def another_version(folder: Path) -> Path:
    """The service as it is, but for the text of its store's functions, and so their names."""
    package = folder / "enrichment_service"
    shutil.copytree(Path(enrichment_service.__file__).parent, package)
    script = package / "scripts" / "_library.lua"
    script.write_text(f"{script.read_text()}\n-- Another version.\n")
    return folder
