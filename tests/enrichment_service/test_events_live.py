"""Many subscribers at once, while the log is written to."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import aclosing

import pytest
from enrichment.v1 import events_pb2

from enrichment_service.store.store import Store
from tests.enrichment_service.event_service import (
    EARLIEST,
    Event,
    EventClient,
    LogWriter,
    Request,
    by_partition,
    events_of,
    next_of,
    serving,
)

WORKSPACES = ("acme", "globex", "initech")


async def test_all_live_subscribers_get_the_same(store: Store, valkey_url: str) -> None:
    writer = LogWriter(store)
    async with serving(store, valkey_url) as client:
        joined = asyncio.Semaphore(0)
        readers = [asyncio.create_task(_read_until_last(client, joined)) for _ in range(20)]
        for _ in readers:
            await joined.acquire()
        for workspace in WORKSPACES:
            await writer.fill(workspace)
        # The last event of a partition of its own says that this is all: order is per partition.
        await writer.connect("acme/last")
        await writer.connect("globex/last")
        await writer.connect("initech/last")
        async with asyncio.timeout(30):
            seen = await asyncio.gather(*readers)
    log = writer.log(valkey_url)
    assert all(by_partition(events) == log for events in seen)


async def _read_until_last(client: EventClient, joined: asyncio.Semaphore) -> list[Event]:
    events: list[Event] = []
    async with aclosing(client.follow()) as stream:
        await next_of(stream, "caught_up")
        joined.release()
        async for message in stream:
            events += message.batch.events
            if sum(event.account.endswith("/last") for event in events) == len(WORKSPACES):
                return events
    raise AssertionError("the stream ended")


@pytest.mark.parametrize("seed", range(5))
async def test_breaking_off_anywhere_and_resuming_anywhere_misses_nothing_and_repeats_nothing(
    store: Store, valkey_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    writer = LogWriter(store)
    for workspace in WORKSPACES:
        await writer.fill(workspace, accounts=1, people=0)
    async with (
        serving(store, valkey_url, checkpoint_seconds=0.02) as one,
        serving(store, valkey_url, checkpoint_seconds=0.02) as two,
    ):
        writing = asyncio.create_task(_write(writer, chance=random.Random(seed)))
        seen: list[Event] = []
        request = Request(start_position=EARLIEST)
        while not writing.done():
            client = chance.choice((one, two))
            call = client.stub.SubscribeEvents(request)
            for _ in range(chance.randint(1, 6)):
                message = await call.read()
                assert isinstance(message, events_pb2.SubscribeEventsResponse)
                seen += message.batch.events
                request.after_cursor = message.cursor
            call.cancel()
        await writing
        seen += events_of(await one.all(after_cursor=request.after_cursor))
    assert by_partition(seen) == writer.log(valkey_url)


async def _write(writer: LogWriter, *, chance: random.Random) -> None:
    for number in range(60):
        workspace = chance.choice(WORKSPACES)
        people: Sequence[str] = [f"{number}-{i}" for i in range(chance.choice((1, 3, 30)))]
        await writer.withdraw(f"{workspace}/e0", people)


async def test_a_stalled_subscriber_holds_up_nobody(store: Store, valkey_url: str) -> None:
    writer = LogWriter(store)
    await writer.fill("acme", accounts=1, people=0)
    async with serving(store, valkey_url) as client:
        stalled = client.stub.SubscribeEvents(Request(start_position=EARLIEST))
        await stalled.read()
        async with aclosing(client.follow()) as stream:
            await next_of(stream, "caught_up")
            delivered = 0
            for round_number in range(10):
                # More than fits into the buffers of a connection.
                await writer.withdraw("acme/e0", [f"{round_number}-{i}" for i in range(500)])
                while delivered < (round_number + 1) * 501:
                    delivered += len((await next_of(stream, "batch")).batch.events)
        rest: list[Event] = []
        while len(rest) < 10 * 501 + 2:
            message = await stalled.read()
            assert isinstance(message, events_pb2.SubscribeEventsResponse)
            rest += message.batch.events
        stalled.cancel()
    assert by_partition(rest) == writer.log(valkey_url)
