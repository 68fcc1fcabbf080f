"""SuppressionService."""

from typing import Any

import grpc
from audience.v1 import suppressions_pb2, suppressions_pb2_grpc

from audience_service import convert
from audience_service.identity import canonical_url
from audience_service.suppressing import Suppressions
from servicekit.pages import decode_page_token, encode_page_token, page_size

Context = grpc.aio.ServicerContext[Any, Any]


class SuppressionServicer(suppressions_pb2_grpc.SuppressionServiceServicer):
    """The suppression list over gRPC."""

    def __init__(self, *, suppressions: Suppressions) -> None:
        self._suppressions = suppressions

    async def SuppressProspects(
        self, request: suppressions_pb2.SuppressProspectsRequest, context: Context
    ) -> suppressions_pb2.SuppressProspectsResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        prospects = convert.in_workspace(
            convert.PROSPECT, request.prospects, workspace=workspace, field="prospects"
        )
        added = await self._suppressions.add(
            workspace, urls=request.profile_urls, prospects=prospects
        )
        return suppressions_pb2.SuppressProspectsResponse(added_count=added)

    async def UnsuppressProspects(
        self, request: suppressions_pb2.UnsuppressProspectsRequest, context: Context
    ) -> suppressions_pb2.UnsuppressProspectsResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        prospects = convert.in_workspace(
            convert.PROSPECT, request.prospects, workspace=workspace, field="prospects"
        )
        removed = await self._suppressions.remove(
            workspace, urls=request.profile_urls, prospects=prospects
        )
        return suppressions_pb2.UnsuppressProspectsResponse(removed_count=removed)

    async def ListSuppressions(
        self, request: suppressions_pb2.ListSuppressionsRequest, context: Context
    ) -> suppressions_pb2.ListSuppressionsResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        filters = {"list": "suppressions", "parent": request.parent}
        position = decode_page_token(request.page_token, filters=filters, shape={"after": str})
        size = page_size(request.page_size)
        page = await self._suppressions.page(
            workspace, after=str(position["after"]) if position else "", limit=size + 1
        )
        response = suppressions_pb2.ListSuppressionsResponse(
            suppressions=[
                suppressions_pb2.Suppression(
                    profile_url=canonical_url(each.alias),
                    create_time=convert.to_proto_time(each.create_ms),
                )
                for each in page[:size]
            ]
        )
        if len(page) > size:
            response.next_page_token = encode_page_token(
                {"after": page[size - 1].alias}, filters=filters
            )
        return response
