"""Two versions of the service work on one store at the same time, with functions of their own."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import redis
from enrichment.v1 import events_pb2
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_VETERAN, Account, ConnectAccountRequest
from enrichment.v1.enrichments_pb2 import (
    CreateEnrichmentRequest,
    Enrichment,
    GetEnrichmentRequest,
    ProfileSubmission,
    SubmitProfilesRequest,
)
from enrichment.v1.view_budgets_pb2 import GetViewBudgetRequest, ViewBudget

from clients.enrichment import EnrichmentClient
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.support.enrichment_processes import EnrichmentProcesses, another_version
from tests.support.simulator_client import SimulatorClient
from tests.support.simulator_process import KEY
from tests.support.valkey import free_port

ACCOUNT = "workspaces/acme/accounts/ada"
ENRICHMENT = "workspaces/acme/enrichments/leads"
_STEP_MS = 10_000


async def test_old_and_new_share_accounts_budgets_and_events(
    store: Store,
    valkey_url: str,
    valkey_client: "redis.Redis",
    tmp_path: Path,
    clock: SteppedClock,
    linkedin_client: SimulatorClient,
    provider_id: str,
) -> None:
    newer = another_version(tmp_path / "newer")
    processes = EnrichmentProcesses(
        store_url=valkey_url,
        clock=tmp_path / "clock",
        ENRICHMENT_PROVIDER_URL=linkedin_client.url,
        ENRICHMENT_PROVIDER_API_KEY=KEY,
        ENRICHMENT_ERASURE_KEY="a secret of the tests",
        ENRICHMENT_VIEW_GAP_SECONDS="0",
    )
    first, second = free_port(), free_port()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(processes.stop_all)
        await processes.start(first)
        old = EnrichmentClient(f"127.0.0.1:{first}")
        stack.push_async_callback(old.close)
        await _connect(old, provider_id)
        await _submit(old, range(20))
        await _worked_off(old, clock, enriched=5)

        await processes.start(second, version=newer)
        new = EnrichmentClient(f"127.0.0.1:{second}")
        stack.push_async_callback(new.close)
        assert len(_libraries(valkey_client)) == 2
        await _submit(new, range(20, 40))
        await _worked_off(new, clock, enriched=25)
        seen = await _events(old)

        # The upgrade is done, and then taken back.
        await processes.stop(first)
        await _worked_off(new, clock, enriched=40)
        await processes.start(first)
        budget = await _budget(new)
        assert (budget, budget.committed) == (await _budget(old), 40)
        later = await _events(new)
        assert later == await _events(old)

    assert later[: len(seen)] == seen
    views = await linkedin_client.views(provider_id)
    assert len(views) == len({view["identifier"] for view in views}) == 40


async def _connect(client: EnrichmentClient, provider_id: str) -> None:
    await client.accounts.ConnectAccount(
        ConnectAccountRequest(
            parent="workspaces/acme",
            account_id="ada",
            account=Account(provider_account_id=provider_id, strategy=ACCOUNT_STRATEGY_VETERAN),
        )
    )
    await client.enrichments.CreateEnrichment(
        CreateEnrichmentRequest(
            parent="workspaces/acme",
            enrichment_id="leads",
            enrichment=Enrichment(account=ACCOUNT),
        )
    )


async def _submit(client: EnrichmentClient, numbers: range) -> None:
    await client.enrichments.SubmitProfiles(
        SubmitProfilesRequest(
            name=ENRICHMENT,
            profiles=[ProfileSubmission(identifiers=[f"person-{number}"]) for number in numbers],
        )
    )


async def _worked_off(client: EnrichmentClient, clock: SteppedClock, *, enriched: int) -> None:
    """Lets time pass until so many are enriched."""
    async with asyncio.timeout(60):
        while True:
            answer = await client.enrichments.GetEnrichment(GetEnrichmentRequest(name=ENRICHMENT))
            if answer.enrichment.progress.enriched >= enriched:
                return
            clock.advance_by(_STEP_MS)
            await asyncio.sleep(0.02)


async def _budget(client: EnrichmentClient) -> ViewBudget:
    answer = await client.view_budgets.GetViewBudget(
        GetViewBudgetRequest(name=f"{ACCOUNT}/viewBudget")
    )
    return answer.view_budget


async def _events(client: EnrichmentClient) -> list[str]:
    answer = await client.events.ListEvents(events_pb2.ListEventsRequest(page_size=1000))
    return [event.event_id for event in answer.events]


def _libraries(client: "redis.Redis") -> list[object]:
    return list(client.function_list())
