"""The main job in its shortest form: somebody is added to an audience and enriched."""

import asyncio

from audience.v1.audiences_pb2 import (
    AddProspectsRequest,
    Audience,
    CreateAudienceRequest,
    GetAudienceRequest,
    StartEnrichmentRequest,
)
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_VETERAN, Account, ConnectAccountRequest

from clients.audience import AudienceClient
from clients.enrichment import EnrichmentClient

_SECONDS = 60.0


async def enrich_somebody(audiences: AudienceClient, enrichment: EnrichmentClient) -> None:
    """In workspace `demo`, with an account `ada`; waits until it is done."""
    await enrichment.accounts.ConnectAccount(
        ConnectAccountRequest(
            parent="workspaces/demo",
            account_id="ada",
            account=Account(provider_account_id="ada", strategy=ACCOUNT_STRATEGY_VETERAN),
        )
    )
    created = await audiences.audiences.CreateAudience(
        CreateAudienceRequest(
            parent="workspaces/demo",
            audience_id="founders",
            audience=Audience(account="workspaces/demo/accounts/ada"),
        )
    )
    name = created.audience.name
    await audiences.audiences.AddProspects(
        AddProspectsRequest(
            audience=name, profile_urls=["https://www.linkedin.com/in/ada-lovelace"]
        )
    )
    await audiences.audiences.StartEnrichment(StartEnrichmentRequest(name=name))
    async with asyncio.timeout(_SECONDS):
        while True:
            answer = await audiences.audiences.GetAudience(GetAudienceRequest(name=name))
            if answer.audience.progress.enriched == 1:
                return
            await asyncio.sleep(0.1)
