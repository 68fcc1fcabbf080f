"""kill -9 of the service in the middle of an import: it rolls forward by itself."""

import asyncio
import io

import pytest
from audience.v1 import audiences_pb2

from clients.audience import AudienceClient
from clients.imports import import_file
from tests.audience_service.calls import create, get, import_bytes, members
from tests.audience_service.service_process import ServiceProcess

PEOPLE = 12_000
ROWS = [f"https://www.linkedin.com/in/person-{number % PEOPLE}" for number in range(PEOPLE + 500)]
FILE = "\n".join(["url", *ROWS, "https://example.com/nobody", ""]).encode()


def check(receipt: audiences_pb2.ImportReceipt) -> None:
    assert (receipt.rows, receipt.added) == (PEOPLE + 501, PEOPLE)
    assert (receipt.merged, receipt.rejected, receipt.already_there) == (500, 1, 0)


async def kill_while_applying(service: ServiceProcess, *, after_rows: int) -> None:
    """Import the file until so many rows are applied, then kill the service."""
    async with AudienceClient(service.address) as client:
        audience = await create(client)
        progress = import_file(
            client.audiences,
            io.BytesIO(FILE),
            audience=audience,
            request_id="import-0001",
        )
        async for message in progress:
            assert isinstance(message, audiences_pb2.ImportProgress), "too fast to be killed"
            if message.applied_rows > after_rows:
                break
        service.kill()
        await progress.aclose()


@pytest.mark.parametrize("after_rows", [0, 5_000])
async def test_an_import_goes_on_by_itself_after_a_kill(database_url: str, after_rows: int) -> None:
    with ServiceProcess(database_url) as first:
        await kill_while_applying(first, after_rows=after_rows)
    with ServiceProcess(database_url) as second:
        async with AudienceClient(second.address) as client:
            audience = "workspaces/acme/audiences/leads"
            request = audiences_pb2.GetImportReceiptRequest(
                audience=audience, request_id="import-0001"
            )
            # Nobody repeats the import: the service knows by itself.
            async with asyncio.timeout(30):
                answer = await client.audiences.GetImportReceipt(request)
                assert not answer.receipt.HasField("complete_time"), "it was done before the kill"
                while not answer.receipt.HasField("complete_time"):
                    await asyncio.sleep(0.05)
                    answer = await client.audiences.GetImportReceipt(request)
            check(answer.receipt)
            assert await import_bytes(client, FILE, audience=audience) == answer.receipt
            assert (await get(client, audience)).progress.members == PEOPLE
            people = {member.prospect.profile_url for member in await members(client, audience)}
            assert people == set(ROWS)
        assert second.terminate() == 0


async def test_a_client_whose_service_is_killed_goes_on_where_it_was(database_url: str) -> None:
    with ServiceProcess(database_url) as first:
        port = first.address.rpartition(":")[2]
        async with AudienceClient(first.address) as client:
            audience = await create(client)
            importing = import_file(
                client.audiences, io.BytesIO(FILE), audience=audience, request_id="import-0001"
            )
            await anext(importing)
            first.kill()
            with ServiceProcess(database_url, port=port) as second:
                *_, receipt = [message async for message in importing]
                assert isinstance(receipt, audiences_pb2.ImportReceipt)
                check(receipt)
                assert second.terminate() == 0
