"""What would run in containers, as plain processes with an environment of their own."""

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

BIN = Path(sys.executable).parent
_SECONDS = 60.0


async def start_process(
    stack: AsyncExitStack, command: list[str], *, environment: dict[str, str], folder: Path
) -> None:
    """Starts it in a folder, with this environment and no more; `stack` ends it, with status 0."""
    log = folder / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={"PATH": f"{BIN}:/usr/bin:/bin", **environment},
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    async def end() -> None:
        if process.returncode is None:
            process.terminate()
        assert await asyncio.wait_for(process.wait(), _SECONDS) == 0, log.read_text()

    stack.push_async_callback(end)


async def answers_well(command: list[str]) -> None:
    """Asks as a health check of containers asks, until it is answered well."""
    async with asyncio.timeout(_SECONDS):
        while True:
            asked = await asyncio.to_thread(
                subprocess.run,
                [str(BIN / command[0]), *command[1:]],
                check=False,
                capture_output=True,
            )
            if asked.returncode == 0:
                return
            await asyncio.sleep(0.1)
