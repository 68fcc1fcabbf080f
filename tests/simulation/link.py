"""A TCP proxy between one process and the store, which breaks when it is told to."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

HOST = "127.0.0.1"
_CHUNK = 1 << 16

Then = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Break:
    """The connection is lost with a request.

    Attributes:
        at: the request it happens at or after, as counted by the link.
        call: what the request calls; empty for any.
        answered: the store gets the request and answers, only the answer is lost.
        then: what happens besides, such as a kill; it runs once the connection is broken.
    """

    at: int
    call: bytes
    answered: bool
    then: Then | None = None


class Link:
    """Listens on a port of its own and passes everything on to the store."""

    def __init__(self, target_port: int) -> None:
        self.requests = 0
        self.broken = 0
        self._target_port = target_port
        self._breaks: list[Break] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def url(self) -> str:
        """The store's address, through here."""
        return f"redis://{HOST}:{self.port}/0"

    def break_after(
        self, requests: int, *, call: str = "", answered: bool, then: Then | None = None
    ) -> None:
        """Lose the connection with the first such call that many requests later."""
        at = self.requests + requests
        self._breaks.append(Break(at=at, call=call.encode(), answered=answered, then=then))

    def mend(self) -> None:
        """Nothing breaks any more."""
        self._breaks.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._pass_on(reader, writer)
        finally:
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, store = await asyncio.open_connection(HOST, self._target_port)
        lost = asyncio.Event()

        async def back() -> None:
            with contextlib.suppress(OSError):
                while chunk := await answers.read(_CHUNK):
                    if lost.is_set():
                        return
                    writer.write(chunk)
                    await writer.drain()
            writer.transport.abort()

        returning = asyncio.create_task(back())
        try:
            while chunk := await reader.read(_CHUNK):
                self.requests += 1
                broken = next(
                    (
                        each
                        for each in self._breaks
                        if each.at <= self.requests and each.call in chunk
                    ),
                    None,
                )
                if broken is None:
                    store.write(chunk)
                    await store.drain()
                    continue
                self._breaks.remove(broken)
                self.broken += 1
                if broken.answered:
                    lost.set()
                    store.write(chunk)
                    await self._until_answered(reader, store, returning)
                writer.transport.abort()
                if broken.then is not None:
                    broken.then()
                return
        finally:
            store.transport.abort()
            returning.cancel()
            await asyncio.gather(returning, return_exceptions=True)

    def _break_with(self, chunk: bytes) -> Break | None:
        due = (each for each in self._breaks if each.at <= self.requests and each.call in chunk)
        return next(due, None)

    async def _until_answered(
        self,
        reader: asyncio.StreamReader,
        store: asyncio.StreamWriter,
        returning: "asyncio.Task[None]",
    ) -> None:
        """Passes on the rest of a long request, until the store has done what it was asked."""
        while not returning.done():
            reading = asyncio.create_task(reader.read(_CHUNK))
            await asyncio.wait((reading, returning), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done() or not reading.result():
                reading.cancel()
                await asyncio.gather(returning, reading, return_exceptions=True)
                return
            store.write(reading.result())
