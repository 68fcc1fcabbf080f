"""AudienceCountService."""

from typing import Any

import grpc
from audience.v1 import audience_counts_pb2, audience_counts_pb2_grpc

from audience_service import convert_counts
from audience_service.counts import AudienceCounts

Context = grpc.aio.ServicerContext[Any, Any]

_TOKEN_KEY = "linkedin-token"


class AudienceCountServicer(audience_counts_pb2_grpc.AudienceCountServiceServicer):
    """Audience counts over gRPC."""

    def __init__(self, *, counts: AudienceCounts) -> None:
        self._counts = counts

    async def GetAudienceCount(
        self, request: audience_counts_pb2.GetAudienceCountRequest, context: Context
    ) -> audience_counts_pb2.GetAudienceCountResponse:
        size = await self._counts.count(
            convert_counts.from_proto_criteria(request.criteria), token=_token(context)
        )
        return convert_counts.to_proto_size(size)


def _token(context: Context) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == _TOKEN_KEY and isinstance(value, str):
            return value.strip()
    return ""
