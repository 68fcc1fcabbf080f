"""Answers that break on the wire: they hang, drip, break off, lead astray or never end."""

import asyncio
import socket
import struct

from aiohttp import web

from linkedin_simulator.faults import Rule

# What the view log says of actions that do not answer 200; None where no answer comes.
STATUS_OF: dict[str, int | None] = {
    "bad_gateway_html": 502,
    "redirect": 302,
    "hang": None,
    "reset": None,
}
REDIRECT_TARGET = "/_sim/redirected"
_BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
_HUGE_BYTES = 1 << 30
_CHUNK = b"A" * (1 << 16)
# Linger on, for no seconds: closing the socket then sends RST instead of FIN.
_LINGER_ZERO = struct.pack("ii", 1, 0)


async def answer_badly(request: web.Request, *, rule: Rule, body: bytes) -> web.StreamResponse:
    """Answer as the fault says; `body` is the profile as JSON.

    Actions that only change the profile, and `delay`, end in an ordinary answer here.
    """
    match rule.action:
        case "bad_gateway_html":
            return web.Response(text=_BAD_GATEWAY, status=502, content_type="text/html")
        case "redirect":
            return web.Response(status=302, headers={"Location": REDIRECT_TARGET})
        case "broken_json":
            return web.Response(body=body[: len(body) // 2], content_type="application/json")
        case "hang":
            # Ends when the client goes (handlers are cancelled then) or the server stops.
            await asyncio.Event().wait()
        case "reset":
            return _reset(request)
        case "drip":
            return await _drip(request, body=body, interval=rule.interval_ms / 1000)
        case "huge_body":
            return await _stream(request)
    return web.Response(body=body, content_type="application/json")


def _reset(request: web.Request) -> web.Response:
    if request.transport is not None:
        sock = request.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        request.transport.abort()
    return web.Response()


async def _drip(request: web.Request, *, body: bytes, interval: float) -> web.StreamResponse:
    """The whole answer, one byte at a time."""
    response = web.StreamResponse()
    response.content_type = "application/json"
    response.content_length = len(body)
    await response.prepare(request)
    for byte in body:
        await response.write(bytes([byte]))
        await asyncio.sleep(interval)
    await response.write_eof()
    return response


async def _stream(request: web.Request) -> web.StreamResponse:
    """A JSON string without end: chunked, 1 GiB at most, as fast as the client reads."""
    response = web.StreamResponse()
    response.content_type = "application/json"
    await response.prepare(request)
    await response.write(b'{"object":"UserProfile","headline":"')
    for _ in range(_HUGE_BYTES // len(_CHUNK)):
        await response.write(_CHUNK)
    await response.write(b'"}')
    await response.write_eof()
    return response
