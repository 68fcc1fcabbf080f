"""One connection to the store that many calls share, each in flight beside the others.

redis-py's own connection does TLS, AUTH and parsing; its pool would cost every call a connection
and its retries could run a write twice, so calls are pipelined here and nothing is sent again.
"""

import asyncio
import math
from collections import deque
from typing import Any, cast

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import RedisError, ResponseError

Value = str | int | float | bytes

_CONNECT_TIMEOUT_SECONDS = 5.0


class OutcomeUnknownError(Exception):
    """The connection was lost with the call in flight: it may have run, or not."""


class NotReachedError(Exception):
    """The store cannot be reached; nothing was sent."""


class StoreConnection:
    """Connects when the first call needs it, and again after a loss."""

    def __init__(self, url: str) -> None:
        # The pool only knows how to make a connection from a URL; it never holds one.
        self._pool = ConnectionPool.from_url(
            url,
            protocol=2,
            socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            # A caller's deadline bounds its own call; a slow answer must not break everybody's.
            socket_timeout=None,
            health_check_interval=0,
        )
        self._connection: AbstractConnection | None = None
        self._connecting = asyncio.Lock()
        self._in_flight: deque[asyncio.Future[object]] = deque()
        self._outgoing: list[bytes] = []
        self._writer: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None

    async def call(self, *arguments: Value) -> object:
        """The server's answer.

        NotReachedError before anything was sent, OutcomeUnknownError when the connection broke
        afterwards, redis' ResponseError when the server refused. A cancelled caller drops only its
        own answer.
        """
        connection = self._connection or await self._connect()
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._in_flight.append(answer)
        self._outgoing.append(
            hiredis.pack_command(cast("tuple[str | int | float | bytes]", arguments))
        )
        if self._writer is None:
            # A task of its own: a caller that is cancelled while it writes would break the
            # connection for all. Calls of the same loop turn go out together.
            self._writer = asyncio.create_task(self._write(connection))
        return await answer

    async def close(self) -> None:
        """Ends the connection; calls in flight fail as unknown."""
        if self._connection is not None:
            await self._lose(self._connection, None)
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _connect(self) -> AbstractConnection:
        async with self._connecting:
            if self._connection is not None:
                return self._connection
            connection = cast("AbstractConnection", cast("Any", self._pool).make_connection())
            try:
                await cast("Any", connection).connect()
            except RedisError as error:
                raise NotReachedError(str(type(error).__name__)) from error
            self._connection = connection
            self._reader = asyncio.create_task(self._read(connection, self._in_flight))
            return connection

    async def _write(self, connection: AbstractConnection) -> None:
        try:
            while self._outgoing:
                batch, self._outgoing = self._outgoing, []
                await connection.send_packed_command(batch, check_health=False)
        except RedisError as error:
            await self._lose(connection, error)
        finally:
            self._writer = None

    async def _read(
        self, connection: AbstractConnection, in_flight: "deque[asyncio.Future[object]]"
    ) -> None:
        while True:
            answer: object
            try:
                answer = await connection.read_response(disable_decoding=True, timeout=math.inf)
            except ResponseError as error:
                answer = error
            except (RedisError, OSError) as error:
                await self._lose(connection, error)
                return
            waiting = in_flight.popleft()
            if waiting.done():
                continue
            if isinstance(answer, ResponseError):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)

    async def _lose(self, connection: AbstractConnection, cause: Exception | None) -> None:
        if self._connection is connection:
            self._connection = None
            lost, self._in_flight, self._outgoing = self._in_flight, deque(), []
            for waiting in lost:
                if not waiting.done():
                    error = OutcomeUnknownError("the connection to the store was lost")
                    error.__cause__ = cause
                    waiting.set_exception(error)
            await connection.disconnect(nowait=True)
