"""EnrichmentService."""

from typing import Any

import grpc
from enrichment.v1 import enrichments_pb2, enrichments_pb2_grpc

from enrichment_service import convert
from enrichment_service.convert_explanations import to_proto_explanation
from enrichment_service.enrichments import Enrichments, Submission
from enrichment_service.erasure import Erasure
from enrichment_service.explanations import Explanations
from enrichment_service.ticks import Wake
from servicekit.errors import invalid_argument
from servicekit.names import ResourceName, random_id
from servicekit.pages import decode_page_token, encode_page_token, page_size

Context = grpc.aio.ServicerContext[Any, Any]


class EnrichmentServicer(enrichments_pb2_grpc.EnrichmentServiceServicer):
    """Enrichments over gRPC."""

    def __init__(
        self,
        *,
        enrichments: Enrichments,
        explanations: Explanations,
        erasure: Erasure,
        wake: Wake,
    ) -> None:
        """`wake` tells the tick engine that there may be work."""
        self._enrichments = enrichments
        self._explanations = explanations
        self._erasure = erasure
        self._wake = wake

    async def CreateEnrichment(
        self, request: enrichments_pb2.CreateEnrichmentRequest, context: Context
    ) -> enrichments_pb2.CreateEnrichmentResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        wanted = request.enrichment
        account = _inside(workspace, convert.ACCOUNT, wanted.account, field="enrichment.account")
        enrichment = await self._enrichments.create(
            f"{workspace}/{request.enrichment_id or random_id()}",
            account=f"{workspace}/{account}",
            display_name=wanted.display_name,
            max_age_ms=wanted.max_age.ToMilliseconds() if wanted.HasField("max_age") else None,
            request_id=request.request_id or None,
            body=convert.request_body(request),
        )
        return enrichments_pb2.CreateEnrichmentResponse(
            enrichment=convert.to_proto_enrichment(enrichment)
        )

    async def SubmitProfiles(
        self, request: enrichments_pb2.SubmitProfilesRequest, context: Context
    ) -> enrichments_pb2.SubmitProfilesResponse:
        enrichment = _id(request.name)
        submitted = await self._enrichments.submit(
            enrichment,
            [
                Submission(identifiers=tuple(item.identifiers), reference=item.reference)
                for item in request.profiles
            ],
        )
        self._wake()
        workspace = enrichment.partition("/")[0]
        return enrichments_pb2.SubmitProfilesResponse(
            profiles=[convert.to_proto_submitted(workspace, item) for item in submitted]
        )

    async def WithdrawProfiles(
        self, request: enrichments_pb2.WithdrawProfilesRequest, context: Context
    ) -> enrichments_pb2.WithdrawProfilesResponse:
        enrichment = _id(request.name)
        workspace = enrichment.partition("/")[0]
        profiles = [
            _inside(workspace, convert.PROFILE, name, field=f"profiles[{index}]")
            for index, name in enumerate(request.profiles)
        ]
        return enrichments_pb2.WithdrawProfilesResponse(
            withdrawn_count=await self._enrichments.withdraw(enrichment, profiles)
        )

    async def GetEnrichment(
        self, request: enrichments_pb2.GetEnrichmentRequest, context: Context
    ) -> enrichments_pb2.GetEnrichmentResponse:
        enrichment = await self._enrichments.get(_id(request.name))
        return enrichments_pb2.GetEnrichmentResponse(
            enrichment=convert.to_proto_enrichment(enrichment)
        )

    async def ListEnrichments(
        self, request: enrichments_pb2.ListEnrichmentsRequest, context: Context
    ) -> enrichments_pb2.ListEnrichmentsResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        filters = {"list": "enrichments", "parent": request.parent}
        position = decode_page_token(request.page_token, filters=filters, shape={"after": str})
        size = page_size(request.page_size)
        page = await self._enrichments.page(
            workspace, after=str(position["after"]) if position else "", limit=size + 1
        )
        response = enrichments_pb2.ListEnrichmentsResponse(
            enrichments=[convert.to_proto_enrichment(item) for item in page[:size]]
        )
        if len(page) > size:
            last = page[size - 1].id.partition("/")[2]
            response.next_page_token = encode_page_token({"after": last}, filters=filters)
        return response

    async def PauseEnrichment(
        self, request: enrichments_pb2.PauseEnrichmentRequest, context: Context
    ) -> enrichments_pb2.PauseEnrichmentResponse:
        enrichment = await self._enrichments.set_paused(_id(request.name), paused=True)
        return enrichments_pb2.PauseEnrichmentResponse(
            enrichment=convert.to_proto_enrichment(enrichment)
        )

    async def ResumeEnrichment(
        self, request: enrichments_pb2.ResumeEnrichmentRequest, context: Context
    ) -> enrichments_pb2.ResumeEnrichmentResponse:
        enrichment = await self._enrichments.set_paused(_id(request.name), paused=False)
        self._wake()
        return enrichments_pb2.ResumeEnrichmentResponse(
            enrichment=convert.to_proto_enrichment(enrichment)
        )

    async def CancelEnrichment(
        self, request: enrichments_pb2.CancelEnrichmentRequest, context: Context
    ) -> enrichments_pb2.CancelEnrichmentResponse:
        enrichment = await self._enrichments.cancel(_id(request.name))
        self._wake()
        return enrichments_pb2.CancelEnrichmentResponse(
            enrichment=convert.to_proto_enrichment(enrichment)
        )

    async def RetryFailedProfiles(
        self, request: enrichments_pb2.RetryFailedProfilesRequest, context: Context
    ) -> enrichments_pb2.RetryFailedProfilesResponse:
        enrichment = await self._enrichments.retry_failed(_id(request.name))
        self._wake()
        return enrichments_pb2.RetryFailedProfilesResponse(
            enrichment=convert.to_proto_enrichment(enrichment)
        )

    async def ExplainEnrichment(
        self, request: enrichments_pb2.ExplainEnrichmentRequest, context: Context
    ) -> enrichments_pb2.ExplainEnrichmentResponse:
        enrichment = _id(request.name)
        if not request.profile:
            return to_proto_explanation(await self._explanations.of_enrichment(enrichment))
        workspace = enrichment.partition("/")[0]
        profile = _inside(workspace, convert.PROFILE, request.profile, field="profile")
        return to_proto_explanation(await self._explanations.of_profile(enrichment, profile))

    async def EraseProfile(
        self, request: enrichments_pb2.EraseProfileRequest, context: Context
    ) -> enrichments_pb2.EraseProfileResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        await self._erasure.erase(workspace, request.identifiers)
        return enrichments_pb2.EraseProfileResponse()

    async def BatchGetProfiles(
        self, request: enrichments_pb2.BatchGetProfilesRequest, context: Context
    ) -> enrichments_pb2.BatchGetProfilesResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        account = None
        if request.account:
            account = _inside(workspace, convert.ACCOUNT, request.account, field="account")
        profiles = [
            _inside(workspace, convert.PROFILE, name, field=f"names[{index}]")
            for index, name in enumerate(request.names)
        ]
        records = await self._enrichments.get_profiles(
            workspace, profiles, account=f"{workspace}/{account}" if account else None
        )
        return enrichments_pb2.BatchGetProfilesResponse(
            profiles=[
                convert.to_proto_profile(workspace, profile, record, now_ms=int(record["now"]))
                for profile, record in zip(profiles, records, strict=True)
            ]
        )


def _id(name: str) -> str:
    return "/".join(convert.ENRICHMENT.parse(name))


def _inside(workspace: str, pattern: ResourceName, name: str, *, field: str) -> str:
    """The id in `name`, which must be of the workspace."""
    owner, item = pattern.parse(name, field=field)
    if owner != workspace:
        raise invalid_argument(field, f"must be in workspaces/{workspace}")
    return item
