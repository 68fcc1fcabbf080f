"""An HTTP/2 client that keeps to no rule but those that a test wants kept: frames by hand."""

import asyncio
import ssl
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    *(0, 1, 3, 4, 6, 7, 8, 9),
)
END_STREAM, END_HEADERS, ACK = 1, 4, 1

INITIAL_WINDOW_SIZE: Final = 4


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


def frame(kind: int, *, stream: int = 0, flags: int = 0, payload: bytes = b"") -> bytes:
    """A frame as it goes."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def headers(pairs: list[tuple[str, str]]) -> bytes:
    """A header block: literals, never indexed, not compressed."""
    block = b""
    for name, value in pairs:
        block += b"\x00" + _text(name) + _text(value)
    return block


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, length = len(data) - 127, b"\x7f"
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return length + bytes([rest]) + data


def message(data: bytes, *, compressed: bool = False, length: int | None = None) -> bytes:
    """A gRPC message with its prefix, which may lie about the length."""
    return struct.pack(">BI", compressed, len(data) if length is None else length) + data


class RawConnection:
    """One connection; the caller decides what is sent, and whether anything is read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._next_stream = 1

    @classmethod
    async def open(
        cls, address: str, *, tls: ssl.SSLContext | None = None, settings: bytes = b""
    ) -> Self:
        """Connect and begin; ``settings`` is the payload of the first SETTINGS frame."""
        host, _, port = address.rpartition(":")
        # A small buffer, so that what is not read stays with the server.
        reader, writer = await asyncio.open_connection(host, int(port), ssl=tls, limit=1024)
        connection = cls(reader, writer)
        connection.send(PREFACE + frame(SETTINGS, payload=settings))
        return connection

    def send(self, data: bytes) -> None:
        """Without waiting; ``flush`` waits."""
        self._writer.write(data)

    async def flush(self) -> None:
        """Wait until the kernel has taken it; ConnectionError when the server has hung up."""
        await self._writer.drain()

    def request(
        self, path: str, *, more: list[tuple[str, str]] | None = None, flags: int = END_HEADERS
    ) -> int:
        """Open a stream for a gRPC call; its number."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        pairs = [
            *((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test")),
            *(("te", "trailers"), ("content-type", "application/grpc")),
            *(more or []),
        ]
        self.send(frame(HEADERS, stream=stream, flags=flags, payload=headers(pairs)))
        return stream

    def data(self, stream: int, content: bytes, *, end: bool = False) -> None:
        """DATA frames of a stream, whatever its window is."""
        pieces = [content[at : at + 16_384] for at in range(0, len(content), 16_384)] or [b""]
        for piece in pieces[:-1]:
            self.send(frame(DATA, stream=stream, payload=piece))
        flags = END_STREAM if end else 0
        self.send(frame(DATA, stream=stream, flags=flags, payload=pieces[-1]))

    def reset(self, stream: int) -> None:
        """Cancel a stream."""
        self.send(frame(RST_STREAM, stream=stream, payload=struct.pack(">I", 8)))

    async def read(self) -> Frame | None:
        """The next frame; None when the server has closed the connection."""
        try:
            head = await self._reader.readexactly(9)
            payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        if kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, flags=ACK))
        if kind == PING and not flags & ACK:
            self.send(frame(PING, flags=ACK, payload=payload))
        return Frame(kind=kind, flags=flags, stream=stream, payload=payload)

    async def read_until(self, kind: int) -> Frame | None:
        """The next frame of a kind; None when the connection is closed before."""
        while (found := await self.read()) is not None and found.kind != kind:
            pass
        return found

    def close(self) -> None:
        """At once."""
        self._writer.transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
