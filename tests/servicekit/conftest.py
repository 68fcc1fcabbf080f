"""A probe service with all four call styles, compiled when the tests start, on real servers."""

import importlib
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from servicekit.access import AccessTable
from servicekit.server import start_server
from servicekit.settings import ServerSettings
from tests.servicekit.probing import PROBE_ACCESS, Client, Probe, Start

HERE = Path(__file__).parent
THIRD_PARTY = HERE.parents[1] / "protos" / "third_party"


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    folder = tmp_path_factory.mktemp("probe")
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE}", f"-I{THIRD_PARTY}"]
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    subprocess.run([*command, *outputs, str(HERE / "probe.proto")], check=True)
    sys.path.insert(0, str(folder))
    yield Probe(
        messages=importlib.import_module("probe_pb2"),
        stubs=importlib.import_module("probe_pb2_grpc"),
        folder=folder,
    )
    sys.path.remove(str(folder))


@pytest.fixture
async def start(probe: Probe) -> AsyncIterator[Start]:
    """Starts probe servers: ``await start(settings=…, drain=…, Ask=…)``; stops them at the end."""
    async with AsyncExitStack() as stack:

        async def start_probe(
            *,
            settings: ServerSettings | None = None,
            access: AccessTable | None = None,
            drain: tuple[Callable[[], Awaitable[None]], ...] = (),
            close: tuple[Callable[[], Awaitable[None]], ...] = (),
            **behaviours: Callable[..., Any],
        ) -> Client:
            server = await start_server(
                services=[probe.service(**behaviours)],
                access=access or PROBE_ACCESS,
                settings=settings or ServerSettings(drain_grace_seconds=1),
                drain=drain,
                close=close,
            )
            stack.push_async_callback(server.stop)
            channel = grpc.aio.insecure_channel(server.address)
            stack.push_async_callback(channel.close)
            return Client(server, channel, probe.stubs.ProbeServiceStub(channel))

        yield start_probe
