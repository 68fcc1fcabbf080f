"""Imports a file into an audience over ImportProspects, and goes on after a broken connection."""

import asyncio
import hashlib
import logging
import os
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import BinaryIO, Final

import grpc
from audience.v1.audiences_pb2 import (
    ImportChunk,
    ImportProgress,
    ImportProspectsRequest,
    ImportProspectsResponse,
    ImportReceipt,
    ImportStart,
)
from audience.v1.audiences_pb2_grpc import AudienceServiceStub

from clients.backoff import Backoff
from clients.errors import RpcFailed
from clients.subscription import BROKEN

_log = logging.getLogger(__name__)

_CHUNK_BYTES: Final = 256 * 1024


async def import_file(
    stub: AudienceServiceStub,
    file: BinaryIO,
    *,
    audience: str,
    request_id: str | None = None,
    validate_only: bool = False,
    patience: float = 60.0,
) -> AsyncGenerator[ImportProgress | ImportReceipt]:
    """Send ``file`` and yield progress; the last thing that comes is the receipt.

    Args:
        stub: ``AudienceClient.audiences``.
        file: open for reading bytes, and seekable: after a break it is read again from where the
            server asks.
        audience: ``workspaces/{workspace}/audiences/{audience}``.
        request_id: names the import (8 to 64 letters, digits, ``_`` or ``-``); made up without
            one. Give the same one to go on with an import of an earlier run.
        validate_only: answer with the receipt that the file would give, and change nothing.
        patience: seconds without an answer after which the import is given up.

    Raises:
        RpcFailed: the file or the request is refused, or the service stayed away for too long.
        TimeoutError: the service is there and says nothing, or never comes to an end.
    """
    start = ImportStart(
        audience=audience,
        request_id=request_id or uuid.uuid4().hex,
        size_bytes=file.seek(0, os.SEEK_END),
        sha256=await asyncio.to_thread(_digest, file),
        validate_only=validate_only,
    )
    loop = asyncio.get_running_loop()
    last_answer = loop.time()
    backoff = Backoff()
    while True:
        call: _Call | None = None
        try:
            call, accepted = _send(stub, file, start=start)
            while True:
                async with asyncio.timeout(patience):
                    response = await call.read()
                if not isinstance(response, ImportProspectsResponse):
                    break
                if not response.HasField("accepted"):
                    # Being accepted over and over is not getting on.
                    last_answer = loop.time()
                    backoff.reset()
                match response.WhichOneof("message"):
                    case "accepted" if not accepted.done():
                        accepted.set_result(response.accepted.next_offset)
                    case "progress":
                        yield response.progress
                    case "receipt":
                        yield response.receipt
                        return
            if loop.time() - last_answer > patience:
                raise TimeoutError("the service ends the import without a receipt")
        except grpc.aio.AioRpcError as error:
            if error.code() not in BROKEN or loop.time() - last_answer > patience:
                raise RpcFailed(error) from None
            _log.info("import broken (%s), going on with it", error.code().name)
        finally:
            if call is not None:
                call.cancel()
        await asyncio.sleep(backoff.next_pause())


def _digest(file: BinaryIO) -> bytes:
    file.seek(0)
    digest = hashlib.sha256()
    while data := file.read(_CHUNK_BYTES):
        digest.update(data)
    return digest.digest()


_Call = grpc.aio.StreamStreamCall[ImportProspectsRequest, ImportProspectsResponse]


def _send(
    stub: AudienceServiceStub, file: BinaryIO, *, start: ImportStart
) -> tuple[_Call, asyncio.Future[int]]:
    """Begin the call; the file follows from the offset that the returned future is given."""
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def requests() -> AsyncIterator[ImportProspectsRequest]:
        yield ImportProspectsRequest(start=start)
        offset = await accepted
        while True:
            # Read in one go without awaiting in between: a broken try may still be ending.
            file.seek(offset)
            data = file.read(_CHUNK_BYTES)
            if not data:
                return
            yield ImportProspectsRequest(chunk=ImportChunk(offset=offset, data=data))
            offset += len(data)

    return stub.ImportProspects(requests()), accepted
