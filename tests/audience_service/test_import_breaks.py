"""Imports over connections that break: the receipt is exact, and nobody is there twice."""

import asyncio
import io
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

import pytest
from audience.v1 import audiences_pb2

from clients.audience import AudienceClient
from clients.imports import import_file
from tests.audience_service.calls import create, get, members

HOST = "127.0.0.1"
PEOPLE = 6_000
ROWS = [f"https://www.linkedin.com/in/person-{number % PEOPLE}" for number in range(PEOPLE + 500)]
FILE = "\n".join(["url,note", *(f"{url},{'x' * 100}" for url in ROWS), ""]).encode()


class BreakingLink:
    """A TCP proxy that cuts each of its first connections after so many bytes sent upwards."""

    def __init__(self, target: str, *, after: list[int]) -> None:
        self._target = target
        self._after = after
        self.cut = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.address = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.address = f"{HOST}:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, down: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        limit = self._after.pop(0) if self._after else None
        host, _, port = self._target.rpartition(":")
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        ways = [
            asyncio.create_task(self._pass(down, up_writer, limit=limit)),
            asyncio.create_task(self._pass(up_reader, back, limit=None)),
        ]
        self._tasks.update(ways)
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for writer in (up_writer, back):
                writer.transport.abort()
            self._tasks.difference_update(ways)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, limit: int | None
    ) -> None:
        passed = 0
        with suppress(ConnectionError):
            async for data in _pieces(reader):
                passed += len(data)
                if limit is not None and passed > limit:
                    self.cut += 1
                    return
                writer.write(data)
                await writer.drain()


async def _pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while data := await reader.read(16_384):
        yield data


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_an_import_over_breaking_connections_is_exact(
    client: AudienceClient, server_address: str, seed: int
) -> None:
    draw = random.Random(seed)
    audience = await create(client)
    # Some break in the file, some before anything, some while the rows are applied.
    cuts = [draw.choice((0, 2_000, draw.randrange(len(FILE)), len(FILE))) for _ in range(5)]
    async with (
        BreakingLink(server_address, after=cuts) as link,
        AudienceClient(link.address) as far,
    ):
        *_, receipt = [
            message
            async for message in import_file(
                far.audiences, io.BytesIO(FILE), audience=audience, request_id=f"import-{seed:04}"
            )
        ]
        assert link.cut >= 2
    assert isinstance(receipt, audiences_pb2.ImportReceipt)
    assert (receipt.rows, receipt.added, receipt.merged) == (len(ROWS), PEOPLE, 500)
    assert (receipt.already_there, receipt.rejected, receipt.no_profile) == (0, 0, 0)
    assert (await get(client, audience)).progress.members == PEOPLE
    people = [member.prospect.profile_url for member in await members(client, audience)]
    assert sorted(people) == sorted(set(ROWS))
