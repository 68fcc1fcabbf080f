"""ProspectService."""

from typing import Any

import grpc
from audience.v1 import prospects_pb2, prospects_pb2_grpc

from audience_service import convert, convert_changes
from audience_service.erasure import Erasure
from audience_service.model import TEXT_FIELDS
from audience_service.prospects import Prospects, place
from servicekit.pages import decode_page_token, encode_page_token, page_size

Context = grpc.aio.ServicerContext[Any, Any]


class ProspectServicer(prospects_pb2_grpc.ProspectServiceServicer):
    """Prospects over gRPC."""

    def __init__(self, *, prospects: Prospects, erasure: Erasure) -> None:
        self._prospects = prospects
        self._erasure = erasure

    async def GetProspect(
        self, request: prospects_pb2.GetProspectRequest, context: Context
    ) -> prospects_pb2.GetProspectResponse:
        found = await self._prospects.get(*convert.PROSPECT.parse(request.name))
        return prospects_pb2.GetProspectResponse(prospect=convert.to_proto_prospect(found))

    async def ListProspects(
        self, request: prospects_pb2.ListProspectsRequest, context: Context
    ) -> prospects_pb2.ListProspectsResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        search = request.search
        filters = {
            "list": "prospects",
            "parent": request.parent,
            "field": search.field,
            "prefix": search.prefix,
        }
        position = decode_page_token(
            request.page_token,
            filters=filters,
            shape={"value": str, "after": str},
        )
        size = page_size(request.page_size)
        if request.HasField("search"):
            page = await self._prospects.search(
                workspace,
                field=search.field,
                prefix=search.prefix,
                after=(str(position["value"]), str(position["after"])) if position else None,
                limit=size + 1,
            )
        else:
            page = await self._prospects.page(
                workspace, after=str(position["after"]) if position else "", limit=size + 1
            )
        response = prospects_pb2.ListProspectsResponse(
            prospects=[convert.to_proto_prospect(each) for each in page[:size]]
        )
        if len(page) > size:
            value, last = place(page[size - 1], search.field)
            response.next_page_token = encode_page_token(
                {"value": value, "after": last}, filters=filters
            )
        return response

    async def UpdateProspect(
        self, request: prospects_pb2.UpdateProspectRequest, context: Context
    ) -> prospects_pb2.UpdateProspectResponse:
        given = request.prospect
        workspace, prospect = convert.PROSPECT.parse(given.name, field="prospect.name")
        names = convert_changes.changed_fields(
            request.update_mask,
            allowed=TEXT_FIELDS,
            is_set=lambda name: bool(getattr(given, name)),
        )
        changed = await self._prospects.edit(
            workspace,
            prospect,
            {name: getattr(given, name) for name in names},
            etag=given.etag,
        )
        return prospects_pb2.UpdateProspectResponse(prospect=convert.to_proto_prospect(changed))

    async def EraseProspect(
        self, request: prospects_pb2.EraseProspectRequest, context: Context
    ) -> prospects_pb2.EraseProspectResponse:
        await self._erasure.erase(*convert.PROSPECT.parse(request.name))
        return prospects_pb2.EraseProspectResponse()
