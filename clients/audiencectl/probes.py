"""Whether a part of the stack serves."""

import asyncio
from contextlib import closing

import grpc

from clients.channel import PLAIN_TEXT
from clients.credentials import Credentials

_SECONDS = 2.0
# An empty HealthCheckRequest asks for the server as a whole; field 1 of the answer is its status.
_SERVING = b"\x08\x01"


async def store_serves(port: int) -> bool:
    """PONG from the store: it has read its log back and takes commands."""
    return await _exchange(port, b"PING\r\n", wanted=b"+PONG")


async def simulator_serves(port: int) -> bool:
    """200 from the simulator's health page."""
    request = b"GET /_sim/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    return await _exchange(port, request, wanted=b"HTTP/1.1 200")


async def service_serves(port: int, *, credentials: Credentials = PLAIN_TEXT) -> bool:
    """SERVING from a gRPC service's health check, which needs no token."""
    # A look without gRPC first: its channel would wait longer and longer between tries.
    if not await _exchange(port, b"", wanted=b""):
        return False
    address, tls = f"127.0.0.1:{port}", credentials.channel_credentials()
    async with (
        grpc.aio.secure_channel(address, tls) if tls else grpc.aio.insecure_channel(address)
    ) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", _as_it_is, _as_it_is)
        try:
            return await check(b"", timeout=_SECONDS) == _SERVING
        except grpc.aio.AioRpcError:
            return False


def _as_it_is(message: bytes) -> bytes:
    return message


async def _exchange(port: int, request: bytes, *, wanted: bytes) -> bool:
    """Whether an answer to ``request`` begins like that; with nothing wanted, whether it opens."""
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with closing(writer):
                writer.write(request)
                return await reader.readexactly(len(wanted)) == wanted
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
