"""Where tests of linking begin: people whom the enrichment service has, and what it knows."""

from enrichment.v1 import profiles_pb2

from clients.audience import AudienceClient
from tests.audience_service.calls import PARENT, add, create, get, start_enrichment
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub

ENRICHMENT = f"{PARENT}/enrichments/leads"
ADA = profiles_pb2.Profile(
    provider_id="ACoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1",
    member_id="117649604",
    public_identifier="ada-lovelace",
    first_name="Ada",
    last_name="Lovelace",
    headline="Countess of computing",
    connection_degree=profiles_pb2.CONNECTION_DEGREE_SECOND,
)


async def submitted(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until, *urls: str
) -> list[str]:
    """People of a started audience whom the enrichment service has."""
    audience = await create(client)
    people = await add(client, audience, *urls)
    await start_enrichment(client, audience)

    async def all_pending() -> bool:
        return (await get(client, audience)).progress.pending == len(set(people))

    await until(all_pending)
    assert list(enrichment.submitted[ENRICHMENT]) == list(dict.fromkeys(people))
    return people
