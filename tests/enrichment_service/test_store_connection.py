"""One connection to a store that many calls share."""

import asyncio

import pytest
import redis

from enrichment_service.store import connection
from enrichment_service.store.connection import (
    NotReachedError,
    OutcomeUnknownError,
    ReplyError,
    StoreConnection,
)
from tests.support.valkey import Valkey, free_port


async def test_answers_come_in_the_order_of_the_calls(empty_valkey: Valkey) -> None:
    opened = await StoreConnection.open(empty_valkey.url)
    answers = await asyncio.gather(*(opened.call("ECHO", f"{n}") for n in range(1000)))
    assert answers == [f"{n}".encode() for n in range(1000)]
    await opened.close()


async def test_a_cancelled_caller_drops_only_its_own_answer(empty_valkey: Valkey) -> None:
    opened = await StoreConnection.open(empty_valkey.url)
    first, second = opened.call("ECHO", "first"), opened.call("ECHO", "second")
    first.cancel()
    assert await second == b"second"
    await opened.close()


async def test_an_error_is_that_of_its_call(empty_valkey: Valkey) -> None:
    opened = await StoreConnection.open(empty_valkey.url)
    await opened.call("SET", "text", "x")
    wrong, right = opened.call("INCR", "text"), opened.call("GET", "text")
    assert await right == b"x"
    with pytest.raises(ReplyError) as error:
        await wrong
    assert error.value.code == "ERR"
    await opened.close()


async def test_nobody_there() -> None:
    with pytest.raises(NotReachedError):
        await StoreConnection.open(f"redis://127.0.0.1:{free_port()}/0")


async def test_a_lost_connection_leaves_the_outcome_unknown(empty_valkey: Valkey) -> None:
    opened = await StoreConnection.open(empty_valkey.url)
    waiting = opened.call("BLPOP", "nothing", 0)
    with redis.Redis.from_url(empty_valkey.url) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(OutcomeUnknownError):
        await waiting
    with pytest.raises(NotReachedError):
        opened.call("PING")
    await opened.close()


async def test_a_silent_server_is_a_lost_one(
    empty_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENCE_SECONDS", 0.1)
    opened = await StoreConnection.open(empty_valkey.url)
    with redis.Redis.from_url(empty_valkey.url) as client:
        client.client_pause(1000, all=True)
    with pytest.raises(OutcomeUnknownError):
        await opened.call("PING")
    assert opened.lost
    await opened.close()


async def test_a_quiet_connection_is_kept(
    empty_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENCE_SECONDS", 0.05)
    opened = await StoreConnection.open(empty_valkey.url)
    looked = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.2, looked.set_result, None)
    await looked
    assert await opened.call("PING") == b"PONG"
    await opened.close()
