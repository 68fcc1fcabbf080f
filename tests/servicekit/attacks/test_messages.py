"""Messages and metadata that are too large, compressed, or never finished."""

import asyncio
import gzip
import zlib
from pathlib import Path

import grpc
import pytest

from tests.servicekit.attacks.conftest import Attack, Attacked
from tests.servicekit.attacks.raw_http2 import (
    CONTINUATION,
    END_HEADERS,
    HEADERS,
    RawConnection,
    frame,
    headers,
    message,
)
from tests.support.credentials import Issuer, bearer, jwt_settings

ASK = "/probe.v1.ProbeService/Ask"
_MIB = 1024 * 1024


async def _refused(attacked: Attacked, request: bytes, **options: object) -> grpc.aio.AioRpcError:
    options = {"grpc.max_send_message_length": -1, "grpc.max_metadata_size": _MIB, **options}
    async with grpc.aio.insecure_channel(attacked.address, options=[*options.items()]) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(ASK)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(request, timeout=20)
    return caught.value


async def test_message_beyond_the_limit_is_refused_and_says_why(attacked: Attack) -> None:
    server = await attacked()
    await server.answers()
    before = server.memory()
    for size in (5 * _MIB, 200 * _MIB):
        error = await _refused(server, bytes(size))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "larger than max" in (error.details() or "")
    await server.answers()
    assert server.memory() < before + 50


async def test_metadata_beyond_the_limit_is_refused(attacked: Attack) -> None:
    server = await attacked()
    await server.answers()
    before = server.memory()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.answers(metadata=(("big", "x" * 200_000),))
    assert caught.value.code() in (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
    )
    await server.answers()
    assert server.memory() < before + 20


async def test_headers_that_never_end_are_not_kept(attacked: Attack) -> None:
    server = await attacked()
    await server.answers()
    before = server.memory()
    piece = frame(CONTINUATION, stream=1, payload=headers([("x", "y" * 16_000)]))
    async with asyncio.timeout(100), await RawConnection.open(server.address) as connection:
        connection.send(frame(HEADERS, stream=1, payload=headers([(":method", "POST")])))
        # 80 MiB of them, and others are answered all the time.
        for _ in range(50):
            connection.send(piece * 100)
            await connection.flush()
            await server.answers()
            assert server.memory() < before + 50
    await server.answers()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_compressed_bomb_is_refused_before_it_is_unpacked(
    attacked: Attack, encoding: str
) -> None:
    server = await attacked()
    await server.answers()
    before = server.memory()
    zeros = bytes(500 * _MIB)
    bomb = gzip.compress(zeros) if encoding == "gzip" else zlib.compress(zeros)
    async with asyncio.timeout(30), await RawConnection.open(server.address) as connection:
        stream = connection.request(ASK, more=[("grpc-encoding", encoding)])
        connection.data(stream, message(bomb, compressed=True), end=True)
        trailers = await connection.read_until(HEADERS)
        assert trailers is not None
        # 12: UNIMPLEMENTED.
        assert b"grpc-status\x0212" in trailers.payload
    await server.answers()
    assert server.memory() < before + 50


@pytest.mark.parametrize("asks", [True, False], ids=["with tokens", "without"])
async def test_messages_that_never_end_take_no_memory(
    attacked: Attack, tmp_path: Path, asks: bool
) -> None:
    """On 200 streams, by a stranger or by one caller: what is not let in is not even received."""
    issuer = Issuer.create(tmp_path)
    token = bearer(issuer.token(scopes=["probe.read"]))
    server = await attacked(**(jwt_settings(issuer) if asks else {}), calls_per_caller=50)
    await server.answers(metadata=token)
    before = server.memory()
    async with asyncio.timeout(60), await RawConnection.open(server.address) as connection:
        streams = [connection.request(ASK) for _ in range(200)]
        # Within the first windows of HTTP/2; more is not asked for by a server that does not read.
        for stream in streams:
            connection.data(stream, message(bytes(16_000), length=4 * _MIB - 1))
        refused = 0
        while refused < (200 if asks else 150):
            found = await connection.read()
            assert found is not None
            refused += found.kind == HEADERS and b"grpc-status" in found.payload
        assert server.memory() < before + 50
        if asks:
            await server.answers(metadata=token)
    if not asks:
        # The other one calls from the same host, and so is the same caller.
        await server.until(grpc.StatusCode.OK)


async def test_request_that_does_not_arrive_is_given_up(attacked: Attack) -> None:
    server = await attacked()
    async with asyncio.timeout(40), await RawConnection.open(server.address) as connection:
        stream = connection.request(ASK, flags=END_HEADERS)
        connection.data(stream, message(b"some", length=1000))
        trailers = await connection.read_until(HEADERS)
        assert trailers is not None
        assert b"REQUEST_TOO_SLOW" in trailers.payload or b"did not arrive" in trailers.payload
    await server.answers()
