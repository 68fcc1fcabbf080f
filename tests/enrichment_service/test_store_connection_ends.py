"""However a connection to the store ends, and whatever cannot be sent: no caller waits for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from redis.asyncio.connection import AbstractConnection, Connection

from enrichment_service.store.connection import NotReachedError, StoreConnection, Value
from tests.support.valkey import Valkey


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[StoreConnection]:
    """A connection that is closed afterwards."""
    made = await StoreConnection.open(url)
    yield made
    await made.close()


async def test_a_connection_that_has_ended_before_it_is_handed_over_is_none(
    empty_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect: Callable[[AbstractConnection], Awaitable[None]] = Connection.connect

    async def connect_and_lose(self: AbstractConnection) -> None:
        await connect(self)
        assert self._writer is not None
        self._writer.transport.abort()

    monkeypatch.setattr(Connection, "connect", connect_and_lose)
    with pytest.raises(NotReachedError):
        await StoreConnection.open(empty_valkey.url)


async def test_a_call_that_cannot_be_sent_leaves_the_others_their_answers(
    empty_valkey: Valkey,
) -> None:
    unfit = cast("list[Value]", ["ECHO", None])
    async with opened(empty_valkey.url) as conn, asyncio.timeout(10):
        with pytest.raises(TypeError):
            conn.call(*unfit)
        assert await conn.call("ECHO", "right") == b"right"
