"""An import goes on where it broke off, under the same request id, and ends with the receipt."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator

import grpc
import pytest
from audience.v1.audiences_pb2 import (
    IMPORT_PHASE_RECEIVING,
    ImportAccepted,
    ImportProgress,
    ImportProspectsRequest,
    ImportProspectsResponse,
    ImportReceipt,
)

from clients.audience import AudienceClient
from clients.errors import RpcFailed
from clients.imports import import_file
from tests.clients.real_server import both_streams, serving

AUDIENCE = "workspaces/w/audiences/a"
CONTENT = bytes(range(256)) * 4096  # 1 MiB: four chunks
Context = grpc.aio.ServicerContext[ImportProspectsRequest, ImportProspectsResponse]


class Importer:
    """Keeps what it is sent; ``breaks`` are the sizes at which it drops the connection, once."""

    def __init__(self, *breaks: int) -> None:
        self.breaks = list(breaks)
        self.stored = bytearray()
        self.request_ids: list[str] = []
        self.sizes: list[int] = []
        self.digests: list[bytes] = []
        self.ended = asyncio.Event()

    async def run(self, requests: AsyncIterator[ImportProspectsRequest], context: Context) -> None:
        try:
            start = (await anext(requests)).start
            self.request_ids.append(start.request_id)
            self.sizes.append(start.size_bytes)
            self.digests.append(start.sha256)
            accepted = ImportAccepted(next_offset=len(self.stored))
            await context.write(ImportProspectsResponse(accepted=accepted))
            async for request in requests:
                assert request.chunk.offset == len(self.stored)
                self.stored += request.chunk.data
                progress = ImportProgress(
                    phase=IMPORT_PHASE_RECEIVING, received_bytes=len(self.stored)
                )
                await context.write(ImportProspectsResponse(progress=progress))
                if self.breaks and len(self.stored) >= self.breaks[0]:
                    self.breaks.pop(0)
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "broken by the test")
            receipt = ImportReceipt(audience=start.audience, request_id=start.request_id, rows=3)
            await context.write(ImportProspectsResponse(receipt=receipt))
        finally:
            self.ended.set()

    def handler(self) -> grpc.GenericRpcHandler:
        return both_streams(
            "audience.v1.AudienceService/ImportProspects",
            self.run,
            request=ImportProspectsRequest,
            response=ImportProspectsResponse,
        )


async def test_the_file_arrives_whole_although_the_connection_breaks_twice() -> None:
    importer = Importer(200_000, 600_000)
    async with serving(importer.handler()) as server, AudienceClient(server.address) as client:
        answers = [
            answer
            async for answer in import_file(
                client.audiences, io.BytesIO(CONTENT), audience=AUDIENCE
            )
        ]
    assert bytes(importer.stored) == CONTENT
    assert importer.sizes == [len(CONTENT)] * 3
    assert importer.digests == [hashlib.sha256(CONTENT).digest()] * 3
    assert len(importer.request_ids) == 3
    assert len(set(importer.request_ids)) == 1
    receipt = answers[-1]
    assert isinstance(receipt, ImportReceipt)
    assert receipt.rows == 3
    assert all(isinstance(answer, ImportProgress) for answer in answers[:-1])


async def test_a_file_that_was_sent_before_is_not_sent_again() -> None:
    importer = Importer()
    importer.stored += CONTENT
    async with serving(importer.handler()) as server, AudienceClient(server.address) as client:
        answers = [
            answer
            async for answer in import_file(
                client.audiences, io.BytesIO(CONTENT), audience=AUDIENCE, request_id="the-same-one"
            )
        ]
    assert [type(answer) for answer in answers] == [ImportReceipt]
    assert importer.request_ids == ["the-same-one"]


async def test_a_refused_file_is_not_sent_again() -> None:
    calls = 0

    async def refuse(requests: AsyncIterator[ImportProspectsRequest], context: Context) -> None:
        nonlocal calls
        calls += 1
        await anext(requests)
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no file that can be read")

    handler = both_streams(
        "audience.v1.AudienceService/ImportProspects",
        refuse,
        request=ImportProspectsRequest,
        response=ImportProspectsResponse,
    )
    async with serving(handler) as server, AudienceClient(server.address) as client:
        with pytest.raises(RpcFailed) as failed:
            await anext(import_file(client.audiences, io.BytesIO(CONTENT), audience=AUDIENCE))
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert calls == 1


async def test_it_gives_up_when_the_service_stays_away() -> None:
    async with serving() as server:
        address = server.address
    async with AudienceClient(address) as client:
        with pytest.raises(RpcFailed) as failed:
            await anext(
                import_file(client.audiences, io.BytesIO(CONTENT), audience=AUDIENCE, patience=0.3)
            )
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_the_call_is_closed_when_the_caller_stops() -> None:
    importer = Importer()
    async with serving(importer.handler()) as server, AudienceClient(server.address) as client:
        answers = import_file(client.audiences, io.BytesIO(CONTENT), audience=AUDIENCE)
        await anext(answers)
        await answers.aclose()
        await asyncio.wait_for(importer.ended.wait(), 5)
