"""Calls that many tests make, with names in the workspace ``acme``."""

import io
from pathlib import Path

from audience.v1 import audiences_pb2, prospects_pb2

from clients.audience import AudienceClient
from clients.imports import import_file

PARENT = "workspaces/acme"
SAMPLES = Path(__file__).parents[2] / "clients" / "samples"


def audience_name(audience: str) -> str:
    return f"{PARENT}/audiences/{audience}"


async def create(client: AudienceClient, audience: str = "leads", account: str = "veteran") -> str:
    """Create an audience; returns its name."""
    await client.audiences.CreateAudience(
        audiences_pb2.CreateAudienceRequest(
            parent=PARENT,
            audience_id=audience,
            audience=audiences_pb2.Audience(
                account=f"{PARENT}/accounts/{account}" if account else ""
            ),
        )
    )
    return audience_name(audience)


async def import_bytes(
    client: AudienceClient,
    data: bytes,
    *,
    audience: str,
    request_id: str = "import-0001",
    validate_only: bool = False,
) -> audiences_pb2.ImportReceipt:
    """Import a file; returns the receipt."""
    *_, receipt = [
        message
        async for message in import_file(
            client.audiences,
            io.BytesIO(data),
            audience=audience,
            request_id=request_id,
            validate_only=validate_only,
        )
    ]
    assert isinstance(receipt, audiences_pb2.ImportReceipt)
    return receipt


async def add(client: AudienceClient, audience: str, *urls: str) -> list[str]:
    """Add people by URL; returns the ids of their prospects."""
    response = await client.audiences.AddProspects(
        audiences_pb2.AddProspectsRequest(audience=audience, profile_urls=urls)
    )
    return [name.rpartition("/")[2] for name in response.prospects]


async def get(client: AudienceClient, audience: str) -> audiences_pb2.Audience:
    """The audience with its progress."""
    response = await client.audiences.GetAudience(audiences_pb2.GetAudienceRequest(name=audience))
    return response.audience


async def members(client: AudienceClient, audience: str) -> list[audiences_pb2.Member]:
    """All members, page by page."""
    found: list[audiences_pb2.Member] = []
    token = ""
    while True:
        page = await client.audiences.ListAudienceProspects(
            audiences_pb2.ListAudienceProspectsRequest(
                audience=audience, page_size=400, page_token=token
            )
        )
        found += page.members
        token = page.next_page_token
        if not token:
            return found


async def start_enrichment(client: AudienceClient, audience: str) -> None:
    """Start to enrich."""
    await client.audiences.StartEnrichment(audiences_pb2.StartEnrichmentRequest(name=audience))


async def prospect(client: AudienceClient, prospect_id: str) -> prospects_pb2.Prospect:
    """The prospect of an id."""
    response = await client.prospects.GetProspect(
        prospects_pb2.GetProspectRequest(name=f"{PARENT}/prospects/{prospect_id}")
    )
    return response.prospect
