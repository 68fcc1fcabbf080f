"""An import whose file stops coming, or never ends, is given up, and can be gone on with."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from audience.v1.audiences_pb2 import (
    Audience,
    CreateAudienceRequest,
    ImportChunk,
    ImportProspectsRequest,
    ImportStart,
)

from clients.audience import AudienceClient
from clients.errors import RpcFailed
from tests.audience_service.service_process import ServiceProcess

AUDIENCE = "workspaces/own/audiences/slow"
FILE = b"".join(b"https://www.linkedin.com/in/person-%d\n" % number for number in range(50))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"import_idle_seconds": "0.5"}, "IMPORT_IDLE"),
        ({"import_receive_seconds": "0.5"}, "IMPORT_TOO_LONG"),
    ],
)
async def test_stalled_import_is_given_up_and_gone_on_with(
    tmp_path: Path, settings: dict[str, str], reason: str
) -> None:
    with ServiceProcess(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}", **settings) as service:
        async with AudienceClient(service.address) as client, asyncio.timeout(60):
            await client.audiences.CreateAudience(
                CreateAudienceRequest(
                    parent="workspaces/own", audience_id="slow", audience=Audience()
                )
            )
            half = len(FILE) // 2
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async for _ in client.audiences.ImportProspects(_parts(FILE[:half], stall=True)):
                    pass
            failed = RpcFailed(caught.value)
            assert failed.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert failed.reason == reason
            assert "next_offset" in failed.message
            messages = [
                each
                async for each in client.audiences.ImportProspects(_parts(FILE[half:], at=half))
            ]
    assert messages[0].accepted.next_offset == half
    assert messages[-1].receipt.rows == 50


async def _parts(
    data: bytes, *, at: int = 0, stall: bool = False
) -> AsyncIterator[ImportProspectsRequest]:
    start = ImportStart(audience=AUDIENCE, request_id="the-import", size_bytes=len(FILE))
    yield ImportProspectsRequest(start=start)
    yield ImportProspectsRequest(chunk=ImportChunk(offset=at, data=data))
    if stall:
        await asyncio.Event().wait()
