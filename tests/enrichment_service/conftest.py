"""One simulator for the tests of the whole engine; each test views with an account of its own."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import aiohttp
import pytest

from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.enrichment_service.outcome_stack import OutcomeStack, working
from tests.support.simulator_client import SimulatorClient
from tests.support.simulator_process import SimulatorProcess

_numbers = count(1)


@pytest.fixture(scope="session")
def linkedin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulator in which nobody is awkward by chance."""
    folder = tmp_path_factory.mktemp("linkedin")
    with SimulatorProcess(folder, null_share="0", private_share="0") as process:
        yield process


@pytest.fixture
async def linkedin_client(linkedin: SimulatorProcess) -> AsyncIterator[SimulatorClient]:
    """Calls it; its faults are lifted afterwards."""
    async with aiohttp.ClientSession() as session:
        client = SimulatorClient(url=linkedin.url, session=session)
        yield client
        await client.call("DELETE", "/_sim/faults")


@pytest.fixture
def provider_id() -> str:
    """The provider's id of an account that no other test uses."""
    return f"acc-{next(_numbers)}"


@pytest.fixture
async def stack(
    store: Store, clock: SteppedClock, linkedin_client: SimulatorClient, provider_id: str
) -> AsyncIterator[OutcomeStack]:
    """The engine at work for one account; it gives a view up to 5 s."""
    async with working(
        store=store, clock=clock, sim=linkedin_client, provider_id=provider_id
    ) as stack:
        yield stack
