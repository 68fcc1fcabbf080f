"""Imports over gRPC: every row is accounted for, repeats are harmless, bad files change nothing."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import pytest
from audience.v1 import audiences_pb2

from clients.audience import AudienceClient
from clients.errors import RpcFailed
from tests.audience_service.calls import SAMPLES, create, get, import_bytes, members

CONNECTIONS = (SAMPLES / "Connections.csv").read_bytes()


async def receipt_rows(
    client: AudienceClient, audience: str, request_id: str = "import-0001", **wanted: int
) -> list[audiences_pb2.ImportRow]:
    rows: list[audiences_pb2.ImportRow] = []
    token = ""
    while True:
        page = await client.audiences.GetImportReceipt(
            audiences_pb2.GetImportReceiptRequest(
                audience=audience, request_id=request_id, page_size=7, page_token=token
            )
        )
        rows += page.rows
        token = page.next_page_token
        if not token:
            return rows


async def test_connections_give_960_people_and_account_for_every_row(
    client: AudienceClient,
) -> None:
    audience = await create(client)
    receipt = await import_bytes(client, CONNECTIONS, audience=audience)
    assert (receipt.rows, receipt.added, receipt.merged) == (1000, 960, 18)
    assert (receipt.no_profile, receipt.rejected, receipt.already_there) == (18, 4, 0)
    assert receipt.format == "LinkedIn Connections"
    rows = await receipt_rows(client, audience)
    by_class = {kind: [row.row for row in rows if row.row_class == kind] for kind in range(8)}
    assert len(by_class[audiences_pb2.ROW_CLASS_MERGED]) == 18
    assert len(by_class[audiences_pb2.ROW_CLASS_NO_PROFILE]) == 18
    assert len(by_class[audiences_pb2.ROW_CLASS_REJECTED]) == 4
    assert [row.row for row in rows] == sorted({row.row for row in rows})
    assert all(
        bool(row.reason) == (row.row_class == audiences_pb2.ROW_CLASS_REJECTED) for row in rows
    )
    assert (await get(client, audience)).progress.members == 960
    people = [member.prospect.name for member in await members(client, audience)]
    assert len(people) == len(set(people)) == 960


async def test_the_same_request_id_gives_the_same_receipt(client: AudienceClient) -> None:
    audience = await create(client)
    first = await import_bytes(client, CONNECTIONS, audience=audience)
    assert await import_bytes(client, CONNECTIONS, audience=audience) == first
    again = await import_bytes(client, CONNECTIONS, audience=audience, request_id="import-0002")
    assert (again.added, again.already_there, again.merged) == (0, 960, 18)
    assert (await get(client, audience)).progress.members == 960


async def test_a_dry_run_tells_the_receipt_and_changes_nothing(client: AudienceClient) -> None:
    audience = await create(client)
    dry = await import_bytes(
        client, CONNECTIONS, audience=audience, request_id="dry-run-1", validate_only=True
    )
    assert (dry.rows, dry.added, dry.merged, dry.no_profile, dry.rejected) == (1000, 960, 18, 18, 4)
    assert (await get(client, audience)).progress.members == 0
    dry_rows = await receipt_rows(client, audience, "dry-run-1")
    wet = await import_bytes(client, CONNECTIONS, audience=audience)
    assert (wet.added, wet.merged) == (dry.added, dry.merged)
    assert await receipt_rows(client, audience) == dry_rows


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "EMPTY_FILE"),
        (b"First Name,Last Name\nAda,Lovelace\n", "NO_PROFILE_COLUMN"),
        (b"PK\x03\x04 zipped", "NOT_A_TABLE"),
        (
            b"url\n" + b"https://www.linkedin.com/in/ada-lovelace\n" * 5000 + b'"never closed',
            "UNCLOSED_QUOTE",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_unreadable_file_is_refused_with_its_reason_and_changes_nothing(
    client: AudienceClient, data: bytes, reason: str
) -> None:
    audience = await create(client)
    for _ in range(2):
        with pytest.raises(RpcFailed) as refused:
            await import_bytes(client, data, audience=audience)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.reason == reason
    assert (await get(client, audience)).progress.members == 0


async def test_an_upload_goes_on_where_it_broke_off(client: AudienceClient) -> None:
    audience = await create(client)
    start = audiences_pb2.ImportStart(audience=audience, request_id="import-0001")
    half = len(CONNECTIONS) // 2
    taken = asyncio.Event()

    async def requests() -> AsyncIterator[audiences_pb2.ImportProspectsRequest]:
        yield audiences_pb2.ImportProspectsRequest(start=start)
        yield audiences_pb2.ImportProspectsRequest(
            chunk=audiences_pb2.ImportChunk(offset=0, data=CONNECTIONS[:half])
        )
        await taken.wait()

    call = client.audiences.ImportProspects(requests())
    async for response in call:
        if response.progress.received_bytes == half:
            break
    call.cancel()
    taken.set()

    receipt = await import_bytes(client, CONNECTIONS, audience=audience)
    assert receipt.added == 960


@dataclass
class Sent:
    messages: list[audiences_pb2.ImportProspectsRequest]
    reason: str


@pytest.mark.parametrize(
    "sent",
    [
        Sent([], "FIELDS_INVALID"),
        Sent(
            [
                audiences_pb2.ImportProspectsRequest(
                    chunk=audiences_pb2.ImportChunk(offset=0, data=b"x")
                )
            ],
            "FIELDS_INVALID",
        ),
        Sent(
            [
                audiences_pb2.ImportProspectsRequest(
                    start=audiences_pb2.ImportStart(
                        audience="workspaces/acme/audiences/leads", request_id="import-0001"
                    )
                ),
                audiences_pb2.ImportProspectsRequest(
                    chunk=audiences_pb2.ImportChunk(offset=5, data=b"x")
                ),
            ],
            "IMPORT_OFFSET_MISMATCH",
        ),
        Sent(
            [
                audiences_pb2.ImportProspectsRequest(
                    start=audiences_pb2.ImportStart(
                        audience="workspaces/acme/audiences/nobody", request_id="import-0001"
                    )
                )
            ],
            "AUDIENCE_NOT_FOUND",
        ),
        *(
            Sent(
                [
                    audiences_pb2.ImportProspectsRequest(
                        start=audiences_pb2.ImportStart(
                            audience="workspaces/acme/audiences/leads",
                            request_id="import-0001",
                            size_bytes=size,
                        )
                    ),
                    audiences_pb2.ImportProspectsRequest(
                        chunk=audiences_pb2.ImportChunk(data=b"four")
                    ),
                ],
                reason,
            )
            for size, reason in ((3, "IMPORT_FILE_TOO_LONG"), (5, "IMPORT_FILE_INCOMPLETE"))
        ),
    ],
    ids=["nothing", "no start", "a gap", "unknown audience", "too much", "too little"],
)
async def test_a_broken_conversation_is_refused(client: AudienceClient, sent: Sent) -> None:
    await create(client)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async for _ in client.audiences.ImportProspects(iter(sent.messages)):
            pass
    assert RpcFailed(refused.value).reason == sent.reason


@pytest.mark.parametrize(
    "other",
    [CONNECTIONS + b"\n", CONNECTIONS.swapcase()],
    ids=["of another size", "of the same size"],
)
async def test_another_file_under_the_same_request_id_is_refused(
    client: AudienceClient, other: bytes
) -> None:
    audience = await create(client)
    await import_bytes(client, CONNECTIONS, audience=audience)
    with pytest.raises(RpcFailed) as refused:
        await import_bytes(client, other, audience=audience)
    assert refused.value.reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize("validate_only", [False, True], ids=["import", "dry run"])
async def test_a_file_that_changed_on_the_way_is_refused(
    client: AudienceClient, *, validate_only: bool
) -> None:
    audience = await create(client)
    start = audiences_pb2.ImportStart(
        audience=audience,
        request_id="import-0001",
        size_bytes=len(CONNECTIONS),
        sha256=hashlib.sha256(CONNECTIONS).digest(),
        validate_only=validate_only,
    )
    chunk = audiences_pb2.ImportChunk(data=CONNECTIONS.swapcase())
    sent = [
        audiences_pb2.ImportProspectsRequest(start=start),
        audiences_pb2.ImportProspectsRequest(chunk=chunk),
    ]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async for _ in client.audiences.ImportProspects(iter(sent)):
            pass
    assert RpcFailed(refused.value).reason == "FILE_DAMAGED"
    assert not await members(client, audience)


async def sends(
    client: AudienceClient, start: audiences_pb2.ImportStart, data: bytes = b"", *, offset: int = 0
) -> str:
    """Send a start and at most one chunk; returns the reason of the refusal, if any."""
    messages = [audiences_pb2.ImportProspectsRequest(start=start)]
    if data:
        chunk = audiences_pb2.ImportChunk(offset=offset, data=data)
        messages.append(audiences_pb2.ImportProspectsRequest(chunk=chunk))
    try:
        async for _ in client.audiences.ImportProspects(iter(messages)):
            pass
    except grpc.aio.AioRpcError as error:
        return RpcFailed(error).reason
    return ""


async def test_what_is_said_of_a_file_later_holds_as_well(client: AudienceClient) -> None:
    half = len(CONNECTIONS) // 2
    start = audiences_pb2.ImportStart(
        audience=await create(client), request_id="import-0001", size_bytes=0
    )
    started = client.audiences.ImportProspects()
    await started.write(audiences_pb2.ImportProspectsRequest(start=start))
    chunk = audiences_pb2.ImportChunk(data=CONNECTIONS[:half])
    await started.write(audiences_pb2.ImportProspectsRequest(chunk=chunk))
    async for message in started:
        if message.progress.received_bytes == half:
            break
    started.cancel()

    start.size_bytes = len(CONNECTIONS)
    assert await sends(client, start) == "IMPORT_FILE_INCOMPLETE"
    start.size_bytes = len(CONNECTIONS) + 1
    assert await sends(client, start) == "REQUEST_ID_REUSED"
    start.size_bytes = 0
    start.sha256 = hashlib.sha256(b"another").digest()
    assert await sends(client, start, CONNECTIONS[half:], offset=half) == "FILE_DAMAGED"


async def test_the_size_of_a_complete_file_is_known_without_being_told(
    client: AudienceClient,
) -> None:
    start = audiences_pb2.ImportStart(audience=await create(client), request_id="import-0001")
    assert await sends(client, start, CONNECTIONS) == ""
    start.size_bytes = len(CONNECTIONS)
    assert await sends(client, start) == ""
    start.size_bytes += 1
    assert await sends(client, start) == "REQUEST_ID_REUSED"


async def test_a_request_id_of_another_audience_is_refused(client: AudienceClient) -> None:
    await import_bytes(client, CONNECTIONS, audience=await create(client))
    other = await create(client, "others")
    with pytest.raises(RpcFailed) as refused:
        await import_bytes(client, CONNECTIONS, audience=other)
    assert refused.value.reason == "REQUEST_ID_REUSED"
