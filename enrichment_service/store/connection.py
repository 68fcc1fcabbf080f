"""One connection to a node of the store that many calls share, each in flight beside the others.

redis-py connects (TLS, AUTH, database); from then on a protocol of our own writes and parses, since
a pooled connection a call costs more than the call itself. Nothing is ever sent twice.
"""

import asyncio
from collections import deque
from typing import Any, cast

import hiredis
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import RedisError, ResponseError

Value = str | int | float | bytes

_CONNECT_TIMEOUT_SECONDS = 5.0
# A node that owes an answer and is silent for so long is lost: its host may be gone without a word.
SILENCE_SECONDS = 10.0
_INCOMPLETE = object()


class OutcomeUnknownError(Exception):
    """The connection was lost with the call in flight: it may have run, or not."""


class NotReachedError(Exception):
    """The store cannot be reached; nothing was sent."""


class ReplyError(ResponseError):
    """The server answered with an error; `code` is its first word, such as MOVED or ERR."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = text.partition(" ")[0]


class StoreConnection(asyncio.Protocol):
    """Lives once: when it is lost, another one is opened in its place."""

    def __init__(self) -> None:
        self.lost = False
        self._loop = asyncio.get_running_loop()
        self._parser = hiredis.Reader(replyError=ReplyError, notEnoughData=_INCOMPLETE)
        self._in_flight: deque[asyncio.Future[object]] = deque()
        self._outgoing: list[bytes] = []
        self._heard = self._loop.time()
        self._watch = self._loop.call_later(SILENCE_SECONDS / 2, self._look)
        self._connection: Any
        self._transport: asyncio.Transport

    @classmethod
    async def open(cls, url: str) -> "StoreConnection":
        """Connects to the node at `url`; NotReachedError when that fails."""
        # The pool only knows how to make a connection from a URL; it never holds one.
        # Its own time limits swallow a cancellation now and then (asyncio.wait_for before 3.12).
        pool: Any = ConnectionPool.from_url(
            url, protocol=2, socket_connect_timeout=None, socket_timeout=None
        )
        connection = pool.make_connection()
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
                await connection.connect()
        except (RedisError, TimeoutError) as error:
            await connection.disconnect(nowait=True)
            raise NotReachedError(type(error).__name__) from error
        except asyncio.CancelledError:
            await connection.disconnect(nowait=True)
            raise
        opened = cls()
        opened._connection = connection
        opened._transport = cast("asyncio.Transport", connection._writer.transport)
        opened._transport.set_protocol(opened)
        if opened._transport.is_closing():
            # redis-py's protocol was told of its end, and nobody would tell us.
            await opened.close()
            raise NotReachedError("the connection was lost at once")
        return opened

    def call(self, *arguments: Value) -> asyncio.Future[object]:
        """The server's answer; ReplyError when it is an error.

        NotReachedError at once when the connection is lost already, OutcomeUnknownError when it is
        lost before the answer. A cancelled caller drops only its own answer.
        """
        if self.lost:
            raise NotReachedError("the connection to the store was lost")
        # What cannot be sent must not be waited for: answers would go to the wrong calls.
        packed = hiredis.pack_command(cast("tuple[Value]", arguments))
        answer: asyncio.Future[object] = self._loop.create_future()
        if not self._in_flight:
            self._heard = self._loop.time()
        self._in_flight.append(answer)
        if not self._outgoing:
            # Calls of the same loop turn go out together.
            self._loop.call_soon(self._send)
        self._outgoing.append(packed)
        return answer

    async def close(self) -> None:
        """Ends the connection; calls in flight fail as unknown."""
        self.connection_lost(None)
        await self._connection.disconnect(nowait=True)

    def data_received(self, data: bytes) -> None:
        """Hands the answers to their callers, in the order of the calls."""
        self._heard = self._loop.time()
        self._parser.feed(data)
        while (answer := self._parser.gets()) is not _INCOMPLETE:
            waiting = self._in_flight.popleft()
            if waiting.done():
                continue
            if isinstance(answer, ReplyError):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails what is in flight: nobody knows whether it ran."""
        self.lost = True
        # redis-py holds on to the socket until it is told, too.
        self._connection._close()
        self._watch.cancel()
        self._outgoing.clear()
        while self._in_flight:
            waiting = self._in_flight.popleft()
            if not waiting.done():
                error = OutcomeUnknownError("the connection to the store was lost")
                error.__cause__ = exc
                waiting.set_exception(error)

    def _send(self) -> None:
        if not self.lost:
            outgoing, self._outgoing = self._outgoing, []
            self._transport.write(b"".join(outgoing))

    def _look(self) -> None:
        if self._in_flight and self._loop.time() - self._heard > SILENCE_SECONDS:
            # A transport that has ended already would not tell us again.
            self.connection_lost(TimeoutError("the node is silent"))
            self._transport.abort()
            return
        self._watch = self._loop.call_later(SILENCE_SECONDS / 2, self._look)
