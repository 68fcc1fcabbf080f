"""Connections that are too many, too slow, too old or too busy, on a server that others use."""

import asyncio
import ssl
import struct
from pathlib import Path

import grpc
import pytest

from tests.servicekit.attacks.conftest import Attack
from tests.servicekit.attacks.raw_http2 import (
    GOAWAY,
    INITIAL_WINDOW_SIZE,
    PING,
    SETTINGS,
    RawConnection,
    frame,
    message,
)
from tests.support.credentials import Certificates

ASK = "/probe.v1.ProbeService/Ask"
LISTEN = "/probe.v1.ProbeService/Listen"
# A ListenRequest whose text is not empty.
LISTEN_REQUEST = b"\x0a\x01x"


async def test_connections_beyond_the_limit_are_refused_and_others_go_on(attacked: Attack) -> None:
    server = await attacked(max_connections=20)
    await server.answers()
    before = server.memory()
    connections = []
    refused = 0
    async with asyncio.timeout(60):
        for _ in range(200):
            connection = await RawConnection.open(server.address)
            connections.append(connection)
            refused += await connection.read_until(SETTINGS) is None
        assert refused >= 180
        await server.answers()
        assert server.memory() < before + 30
        for connection in connections:
            connection.close()
        # Once they are gone there is room again.
        while True:
            async with await RawConnection.open(server.address) as another:
                if await another.read_until(SETTINGS) is not None:
                    break
    await server.answers()


async def test_slow_handshakes_are_ended(attacked: Attack, tmp_path: Path) -> None:
    certificates = Certificates.create(tmp_path)
    ca = certificates.file("ca.pem").read_bytes()
    server = await attacked(
        grpc.ssl_channel_credentials(ca),
        tls_cert_file=certificates.file("server.pem"),
        tls_key_file=certificates.file("server.key"),
    )
    await server.answers()
    before = server.memory()
    host, _, port = server.address.rpartition(":")
    silent = [await asyncio.open_connection(host, int(port)) for _ in range(100)]
    half = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    half.check_hostname, half.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = half.wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    begun = outgoing.read()
    for _, writer in silent[:50]:
        writer.write(begun[:20])
    await server.answers()
    assert server.memory() < before + 50
    async with asyncio.timeout(60):
        for reader, writer in silent:
            # To the end, which the server makes.
            try:
                await reader.read(-1)
            except ConnectionError:
                pass
            finally:
                writer.close()
    await server.answers()


async def test_pings_without_end_are_answered_by_goodbye(attacked: Attack) -> None:
    server = await attacked()
    await server.answers()
    async with asyncio.timeout(30), await RawConnection.open(server.address) as connection:
        for _ in range(100):
            connection.send(frame(PING, payload=bytes(8)))
        goodbye = await connection.read_until(GOAWAY)
        assert goodbye is not None
        # 11: ENHANCE_YOUR_CALM.
        assert struct.unpack(">I", goodbye.payload[4:8])[0] == 11
        assert b"too_many_pings" in goodbye.payload
    await server.answers()


async def test_streams_that_are_reset_at_once_do_not_pile_up(attacked: Attack) -> None:
    server = await attacked()
    await server.answers()
    before = server.memory()
    async with asyncio.timeout(100):
        for _ in range(20):
            async with await RawConnection.open(server.address) as connection:
                try:
                    for _ in range(1000):
                        connection.reset(connection.request(ASK))
                        await connection.flush()
                except ConnectionError:
                    # It may well hang up.
                    pass
                await server.answers()
    await server.answers()
    assert server.memory() < before + 100


async def test_streams_that_nobody_reads_wait_in_the_server(attacked: Attack) -> None:
    server = await attacked()
    await server.answers()
    before = server.memory()
    window = struct.pack(">HI", INITIAL_WINDOW_SIZE, 65_535)
    async with (
        asyncio.timeout(60),
        await RawConnection.open(server.address, settings=window) as connection,
    ):
        for _ in range(50):
            stream = connection.request(LISTEN)
            connection.data(stream, message(LISTEN_REQUEST), end=True)
        await connection.flush()
        # Each would send for ever. What is in memory is what is on its way, and no more.
        for _ in range(20):
            await server.answers()
            assert server.memory() < before + 100


async def test_calls_of_one_caller_are_limited_and_others_go_on(attacked: Attack) -> None:
    server = await attacked(calls_per_caller=30)
    async with asyncio.timeout(60), await RawConnection.open(server.address) as connection:
        for _ in range(29):
            connection.request("/probe.v1.ProbeService/Talk")
        await connection.flush()
        # Without tokens a host is one caller, so the other one here is the same: one is left.
        await server.answers()
        connection.request("/probe.v1.ProbeService/Talk")
        await server.until(grpc.StatusCode.RESOURCE_EXHAUSTED)
        with pytest.raises(grpc.aio.AioRpcError, match="30 calls open here, which is the limit"):
            await server.answers()
    await server.until(grpc.StatusCode.OK)


async def test_old_connection_is_ended_without_an_error_for_its_calls(attacked: Attack) -> None:
    server = await attacked(max_connection_age_seconds=1)
    async with asyncio.timeout(30), await RawConnection.open(server.address) as connection:
        assert await connection.read_until(GOAWAY) is not None
    ended = 0
    async with asyncio.timeout(30):
        while ended < 200:
            await server.answers()
            ended += 1
            await asyncio.sleep(0.01)
