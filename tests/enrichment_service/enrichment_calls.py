"""EnrichmentService on a real server over the store and engine of an `OutcomeStack`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from enrichment.v1 import enrichments_pb2 as pb
from enrichment.v1.enrichments_pb2_grpc import (
    EnrichmentServiceStub,
    add_EnrichmentServiceServicer_to_server,
)
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from enrichment_service.access import ACCESS
from enrichment_service.erasure import Erasure
from enrichment_service.explanations import Explanations
from enrichment_service.servicers.enrichments import EnrichmentServicer
from servicekit.server import start_server
from servicekit.services import Service
from servicekit.settings import ServerSettings
from tests.enrichment_service.outcome_stack import PERSON_KEYS, WORKSPACE, OutcomeStack

PARENT = f"workspaces/{WORKSPACE}"
LEADS = f"{PARENT}/enrichments/leads"


class EnrichmentCalls:
    """A caller; enrichments and profiles by their full names."""

    def __init__(self, stub: EnrichmentServiceStub) -> None:
        self.stub = stub

    async def create(self, enrichment: str, account: str) -> str:
        """An empty enrichment on `<workspace>/<account>`; its name."""
        account = f"{PARENT}/accounts/{account.partition('/')[2]}"
        response = await self.stub.CreateEnrichment(
            pb.CreateEnrichmentRequest(
                parent=PARENT, enrichment_id=enrichment, enrichment=pb.Enrichment(account=account)
            )
        )
        return str(response.enrichment.name)

    async def submit(self, *people: str, to: str = LEADS) -> list[pb.SubmittedProfile]:
        """What became of people, each known by one id, which is the reference too."""
        response = await self.stub.SubmitProfiles(
            pb.SubmitProfilesRequest(
                name=to,
                profiles=[
                    pb.ProfileSubmission(identifiers=[person], reference=f"ref-{number}")
                    for number, person in enumerate(people)
                ],
            )
        )
        return list(response.profiles)

    async def get(self, name: str = LEADS) -> pb.Enrichment:
        """The enrichment."""
        return (await self.stub.GetEnrichment(pb.GetEnrichmentRequest(name=name))).enrichment

    async def cancel(self, name: str = LEADS) -> pb.Enrichment:
        """The enrichment, cancelled."""
        return (await self.stub.CancelEnrichment(pb.CancelEnrichmentRequest(name=name))).enrichment

    async def retry(self, name: str = LEADS) -> pb.Enrichment:
        """The enrichment, with what failed queued again."""
        request = pb.RetryFailedProfilesRequest(name=name)
        return (await self.stub.RetryFailedProfiles(request)).enrichment

    async def explain(
        self, profile: str = "", *, name: str = LEADS
    ) -> pb.ExplainEnrichmentResponse:
        """What the enrichment, or the profile, waits for."""
        request = pb.ExplainEnrichmentRequest(name=name, profile=profile)
        return await self.stub.ExplainEnrichment(request)

    async def erase(self, *identifiers: str, parent: str = PARENT) -> None:
        """Forget whoever has these."""
        await self.stub.EraseProfile(pb.EraseProfileRequest(parent=parent, identifiers=identifiers))


@asynccontextmanager
async def calling(stack: OutcomeStack) -> AsyncIterator[EnrichmentCalls]:
    """The service of the stack."""
    servicer = EnrichmentServicer(
        enrichments=stack.enrichments,
        explanations=Explanations(stack.store),
        erasure=Erasure(stack.store, keys=PERSON_KEYS),
        wake=stack.engine.wake,
    )
    server = await start_server(
        services=[Service(add_EnrichmentServiceServicer_to_server, servicer)],
        access=ACCESS,
        settings=ServerSettings(drain_grace_seconds=2),
    )
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            yield EnrichmentCalls(EnrichmentServiceStub(channel))
    finally:
        await server.stop()


def counts(progress: pb.EnrichmentProgress) -> dict[str, int]:
    """Counts that are not zero; they must add up."""
    parts = progress.pending + progress.enriched + progress.cached + progress.partial
    assert progress.total == parts + progress.failed
    return {field.name: number for field, number in progress.ListFields()}


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason that callers switch on."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    assert any(detail.Unpack(info) for detail in status.details)
    return str(info.reason)
