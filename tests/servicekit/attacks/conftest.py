"""A server under attack: what it answers to another caller meanwhile, and how it grows."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from tests.servicekit.probing import Probe

_MIB = 1024 * 1024


class Attacked:
    """The process, and a caller that is no attacker, on a connection of its own."""

    def __init__(
        self, process: asyncio.subprocess.Process, *, address: str, channel: grpc.aio.Channel
    ) -> None:
        self.process = process
        self.address = address
        self._ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        self._ask = channel.unary_unary("/probe.v1.ProbeService/Ask")

    async def answers(self, *, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        """The other caller is answered, in reasonable time."""
        await self._ask(b"", timeout=20, metadata=metadata)

    async def code(self) -> grpc.StatusCode:
        """How the other caller is answered."""
        return await self._ask(b"", timeout=20).code()

    async def until(self, code: grpc.StatusCode) -> None:
        """Wait until the other caller is answered like that."""
        async with asyncio.timeout(30):
            while True:
                if await self.code() is code:
                    return
                await asyncio.sleep(0.02)

    def memory(self) -> float:
        """MiB that are resident."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / _MIB


Attack = Callable[..., Awaitable[Attacked]]


@pytest.fixture
async def attacked(probe: Probe) -> AsyncIterator[Attack]:
    """Starts it: ``await attacked(max_connections=…)``. It must end cleanly afterwards."""
    async with AsyncExitStack() as stack:

        async def start(
            credentials: grpc.ChannelCredentials | None = None, **settings: object
        ) -> Attacked:
            variables = {f"ATTACKED_{k.upper()}": str(v) for k, v in settings.items()}
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.servicekit.attacks.attacked_process"),
                str(probe.folder),
                env={
                    **os.environ,
                    "ATTACKED_DRAIN_GRACE_SECONDS": "1",
                    "ATTACKED_METRICS": "false",
                    "ATTACKED_LOG_LEVEL": "warning",
                    **variables,
                },
                stdout=asyncio.subprocess.PIPE,
            )
            stack.push_async_callback(_end, process)
            assert process.stdout is not None
            address = json.loads(await process.stdout.readline())["address"]
            channel = (
                grpc.aio.secure_channel(address, credentials)
                if credentials
                else grpc.aio.insecure_channel(address)
            )
            await stack.enter_async_context(channel)
            return Attacked(process, address=address, channel=channel)

        yield start


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0, "it did not survive"
