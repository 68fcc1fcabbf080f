"""One simulator for all tests that leave it running; each test uses accounts of its own."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.support.simulator_client import SimulatorClient
from tests.support.simulator_process import SimulatorProcess


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A running simulator in which nobody is awkward by chance."""
    folder = tmp_path_factory.mktemp("simulator")
    with SimulatorProcess(folder, null_share="0", private_share="0") as process:
        yield process


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session of the test."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def client(simulator: SimulatorProcess, session: aiohttp.ClientSession) -> SimulatorClient:
    """Calls the shared simulator."""
    return SimulatorClient(url=simulator.url, session=session)
