"""AudienceService: imports."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from audience.v1 import audiences_pb2, audiences_pb2_grpc

from audience_service import convert
from audience_service.import_model import Import
from audience_service.imports import Imports
from audience_service.servicers.import_patience import Patience
from servicekit.errors import ServiceError, invalid_argument
from servicekit.pages import decode_page_token, encode_page_token, page_size

Context = grpc.aio.ServicerContext[Any, Any]


class ImportMethods(audiences_pb2_grpc.AudienceServiceServicer):
    """The methods of AudienceService that import files."""

    def __init__(self, *, imports: Imports, patience: Patience) -> None:
        self._imports = imports
        self._patience = patience

    async def ImportProspects(
        self,
        request_iterator: AsyncIterator[audiences_pb2.ImportProspectsRequest],
        context: Context,
    ) -> AsyncIterator[audiences_pb2.ImportProspectsResponse]:
        async with aclosing(self._patience.read(request_iterator)) as requests:
            job = await self._begin(await anext(requests, None))
            yield audiences_pb2.ImportProspectsResponse(
                accepted=audiences_pb2.ImportAccepted(next_offset=job.received_bytes)
            )
            async for request in requests:
                if request.WhichOneof("message") != "chunk":
                    raise invalid_argument("start", "may only be the first message")
                job = await self._imports.receive(
                    job, offset=request.chunk.offset, data=request.chunk.data
                )
                yield _progress(job)
        # A connection that breaks ends the requests just like a half-close, but then this fails:
        # what arrived stays, and is not taken for the whole file.
        yield _progress(job)
        if context.cancelled():
            return
        await self._imports.complete(job)
        async with aclosing(self._imports.follow(job)) as states:
            async for job in states:
                yield _progress(job)
        yield audiences_pb2.ImportProspectsResponse(receipt=convert.to_proto_receipt(job))

    async def GetImportReceipt(
        self, request: audiences_pb2.GetImportReceiptRequest, context: Context
    ) -> audiences_pb2.GetImportReceiptResponse:
        workspace, audience = convert.AUDIENCE.parse(request.audience, field="audience")
        classes = convert.from_proto_classes(request.row_classes)
        filters = {
            "list": "receipt",
            "audience": request.audience,
            "request_id": request.request_id,
            "classes": ",".join(sorted(each.name for each in classes)),
        }
        position = decode_page_token(request.page_token, filters=filters, shape={"row": int})
        size = page_size(request.page_size, default=100)
        job, rows = await self._imports.receipt(
            workspace=workspace,
            audience=audience,
            request_id=request.request_id,
            classes=classes,
            after=int(position["row"]) if position else 0,
            limit=size + 1,
        )
        response = audiences_pb2.GetImportReceiptResponse(
            receipt=convert.to_proto_receipt(job),
            rows=[convert.to_proto_row(row) for row in rows[:size]],
        )
        if len(rows) > size:
            response.next_page_token = encode_page_token(
                {"row": rows[size - 1].number}, filters=filters
            )
        return response

    async def _begin(self, request: audiences_pb2.ImportProspectsRequest | None) -> Import:
        if request is None or request.WhichOneof("message") != "start":
            raise _start_missing()
        start = request.start
        workspace, audience = convert.AUDIENCE.parse(start.audience, field="start.audience")
        return await self._imports.begin(
            workspace=workspace,
            audience=audience,
            request_id=start.request_id,
            size_bytes=start.size_bytes,
            sha256=start.sha256.hex(),
            validate_only=start.validate_only,
        )


def _progress(job: Import) -> audiences_pb2.ImportProspectsResponse:
    return audiences_pb2.ImportProspectsResponse(progress=convert.to_proto_progress(job))


def _start_missing() -> ServiceError:
    return invalid_argument("start", "must be the first message")
