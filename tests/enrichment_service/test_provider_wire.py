"""The provider adapter against servers that break HTTP, or follow it in ways that hurt."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing

import orjson
import pytest

from enrichment_service.metrics.provider import ObservedSource
from enrichment_service.provider import ConnectedAccountProvider
from enrichment_service.view_results import Finding, ViewResult
from servicekit.metrics import Metrics
from servicekit.tracing import TRACING, root
from tests.support.otlp_collector import collecting

PROFILE = orjson.dumps(
    {
        "object": "UserProfile",
        "provider_id": "ACoAAAcDMMQBabcdefghijklmnopqrstuvwxyz0",
        "public_identifier": "ada-lovelace",
        "first_name": "Ada",
    }
)
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def head(*, length: int | None, headers: str = "", status: str = "200 OK") -> bytes:
    size = "" if length is None else f"Content-Length: {length}\r\n"
    return f"HTTP/1.1 {status}\r\n{size}{headers}\r\n".encode()


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[ConnectedAccountProvider, list[bytes]]]:
    """A provider whose server gives every request that answer; and the requests it got."""
    requests: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while not writer.is_closing():
                try:
                    requests.append(await reader.readuntil(b"\r\n\r\n"))
                    await answer(writer)
                    await writer.drain()
                except (asyncio.IncompleteReadError, ConnectionError):
                    return

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    provider = ConnectedAccountProvider(
        url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/",
        api_key="key",
        connections=2,
        now_ms=lambda: 0,
    )
    try:
        yield provider, requests
    finally:
        await provider.close()
        server.close()
        await server.wait_closed()


async def view(provider: ConnectedAccountProvider, *, deadline: float = 5) -> ViewResult:
    return await provider.view(
        provider_account_id="a", identifier="ada-lovelace", known_id="", deadline_seconds=deadline
    )


async def test_the_request_is_what_the_api_wants() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head(length=len(PROFILE)) + PROFILE)

    async with serving(answer) as (provider, requests):
        assert (await view(provider)).finding is Finding.COMPLETE
    lines = requests[0].decode().split("\r\n")
    assert lines[0] == (
        "GET /api/v1/users/ada-lovelace"
        "?account_id=a&linkedin_sections=experience&notify=false HTTP/1.1"
    )
    headers = {line.lower() for line in lines[1:]}
    assert {"x-api-key: key", "accept-encoding: identity"} <= headers


async def test_nothing_of_a_trace_leaves_for_the_provider() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head(length=len(PROFILE)) + PROFILE)

    async with collecting() as collector, serving(answer) as (provider, requests):
        TRACING.start(service="probe", endpoint=collector.endpoint)
        source = ObservedSource(provider, metrics=Metrics())
        with root("tick"):
            await source.view(
                provider_account_id="a", identifier="ada-lovelace", known_id="", deadline_seconds=5
            )
        await TRACING.close()
    headers = [line.partition(":")[0].lower() for line in requests[0].decode().split("\r\n")[1:]]
    assert {"traceparent", "tracestate", "baggage", "x-request-id"}.isdisjoint(headers)
    assert [span.name for span in collector.spans] == ["provider view", "tick"]
    assert b"ada-lovelace" not in collector.raw


@pytest.mark.parametrize("kept", [False, True])
async def test_a_closed_connection_is_not_asked_again(kept: bool) -> None:
    """The first request may have been a view, so a second one would be a view too many."""
    answered = 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        answered += 1
        if kept and answered == 1:
            writer.write(head(length=len(PROFILE)) + PROFILE)
        else:
            writer.close()

    async with serving(answer) as (provider, requests):
        if kept:
            assert (await view(provider)).finding is Finding.COMPLETE
        assert await view(provider) == ViewResult(finding=Finding.CONNECTION_LOST)
        assert len(requests) == 1 + kept


async def test_a_body_that_ends_early() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head(length=len(PROFILE) + 1) + PROFILE)
        writer.close()

    async with serving(answer) as (provider, _):
        assert (await view(provider)).finding is Finding.CONNECTION_LOST


async def test_an_answer_that_is_not_http() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    async with serving(answer) as (provider, _):
        assert (await view(provider)).finding is Finding.CONNECTION_LOST


async def test_headers_that_drip_meet_the_deadline() -> None:
    """Each byte comes soon after the one before; only a total deadline ends this."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not writer.is_closing():
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(answer) as (provider, _):
        assert await view(provider, deadline=0.3) == ViewResult(finding=Finding.TIMEOUT)


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized"])
async def test_a_body_above_the_cap_is_refused_early(status: str) -> None:
    sent = 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(head(length=1 << 30, status=status))
        while sent < 1 << 30:
            writer.write(bytes(1 << 16))
            await writer.drain()
            sent += 1 << 16

    async with serving(answer) as (provider, _):
        assert (await view(provider)).finding is Finding.OVERSIZED
        assert sent < 1 << 26


async def test_a_body_that_was_compressed_unasked_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(1 << 24))

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head(length=len(bomb), headers="Content-Encoding: gzip\r\n") + bomb)

    async with serving(answer) as (provider, _):
        assert (await view(provider)).finding is Finding.BROKEN_BODY


async def test_cookies_of_one_view_do_not_travel_with_the_next() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head(length=len(PROFILE), headers="Set-Cookie: li=1; Path=/\r\n") + PROFILE)

    async with serving(answer) as (provider, requests):
        await view(provider)
        await view(provider)
    assert len(requests) == 2
    assert b"cookie" not in requests[1].lower()


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "308 Elsewhere"])
async def test_other_answers_without_a_body(status: str) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        location = "Location: /elsewhere\r\n"
        writer.write(head(length=None if status[0] == "2" else 0, headers=location, status=status))

    async with serving(answer) as (provider, requests):
        finding = (await view(provider)).finding
        assert finding is (Finding.ERROR if status[0] == "2" else Finding.REDIRECT)
        assert len(requests) == 1


async def test_a_name_that_cannot_be_resolved_is_not_charged() -> None:
    provider = ConnectedAccountProvider(
        url="http://provider.invalid", api_key="key", connections=1, now_ms=lambda: 0
    )
    try:
        assert (await view(provider)).finding is Finding.CONNECTION_REFUSED
    finally:
        await provider.close()


async def test_a_cancelled_view_gives_its_connection_back() -> None:
    asked = asyncio.Queue[None]()
    over = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        asked.put_nowait(None)
        await over.wait()

    async with serving(answer) as (provider, _):
        # More of them than there are connections.
        for _ in range(3):
            task = asyncio.create_task(view(provider, deadline=60))
            await asked.get()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        over.set()
