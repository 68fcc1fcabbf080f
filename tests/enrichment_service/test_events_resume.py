"""Cursors over real logs: resuming leaves nothing out, and gaps are said."""

import asyncio
from contextlib import aclosing

import grpc
import pytest
import redis
from enrichment.v1 import events_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.enrichment_service.event_service import (
    DAY_MS,
    EARLIEST,
    Event,
    EventClient,
    LogWriter,
    by_partition,
    events_of,
    next_of,
    reason_of,
    serving,
)

QUIET = events_pb2.EventFilter(types=[events_pb2.EVENT_TYPE_ACCOUNT_DELETED])


@pytest.fixture
async def writer(store: Store) -> LogWriter:
    """A writer, with 20 events of two workspaces in the log."""
    writer = LogWriter(store)
    for workspace in ("acme", "globex"):
        await writer.fill(workspace, accounts=2, people=2)
    return writer


async def test_every_cursor_of_a_list_goes_on_with_exactly_the_rest(
    store: Store, valkey_url: str, writer: LogWriter
) -> None:
    seen: list[Event] = []
    token = ""
    async with serving(store, valkey_url) as client:
        while True:
            page = await client.stub.ListEvents(
                events_pb2.ListEventsRequest(page_size=1, page_token=token)
            )
            token = page.next_page_token
            seen += page.events
            rest = events_of(await client.all(after_cursor=token))
            assert by_partition([*seen, *rest]) == writer.log(valkey_url)
            if not page.events:
                break
    assert len(seen) == 20


async def test_every_cursor_of_a_stream_goes_on_with_exactly_the_rest_on_another_replica(
    store: Store, valkey_url: str, writer: LogWriter
) -> None:
    async with serving(store, valkey_url) as client, serving(store, valkey_url) as replica:
        seen: list[Event] = []
        stream = client.follow(start_position=EARLIEST)
        async with aclosing(stream):
            for number in range(5):
                await writer.connect(f"acme/live-{number}")
                batch = await next_of(stream, "batch")
                seen += batch.batch.events
                rest = events_of(await replica.all(after_cursor=batch.cursor))
                assert by_partition([*seen, *rest]) == writer.log(valkey_url)


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_pages_of_a_filtered_list_hold_all_of_it(
    store: Store, valkey_url: str, writer: LogWriter, size: int
) -> None:
    event_filter = events_pb2.EventFilter(types=[events_pb2.EVENT_TYPE_PROFILE_WITHDRAWN])
    request = events_pb2.ListEventsRequest(filter=event_filter, page_size=size)
    listed: list[Event] = []
    async with serving(store, valkey_url) as client:
        while (page := await client.stub.ListEvents(request)).events:
            assert len(page.events) <= size
            listed += page.events
            request.page_token = page.next_page_token
        assert page.next_page_token
        delivered = events_of(await client.all(filter=event_filter))
    assert len(listed) == 8
    assert by_partition(listed) == by_partition(delivered)


async def test_the_log_is_described(store: Store, valkey_url: str, writer: LogWriter) -> None:
    async with serving(store, valkey_url) as client, aclosing(client.follow()) as stream:
        await next_of(stream, "opened")
        log = await client.stub.GetEventLog(events_pb2.GetEventLogRequest())
    heads = {f"p{part.index:02d}": part.head_event_id for part in log.partitions}
    counts = {f"p{part.index:02d}": part.event_count for part in log.partitions}
    kept = writer.log(valkey_url)
    assert [part.index for part in log.partitions] == list(range(16))
    assert {name: head for name, head in heads.items() if head} == {
        name: ids[-1] for name, ids in kept.items()
    }
    assert sum(counts.values()) == 20
    assert log.retention.ToMilliseconds() == 7 * DAY_MS
    assert log.subscriber_count == 1


@pytest.mark.parametrize("cursor", ["nonsense", "AAAA", "é"])
async def test_a_malformed_cursor_is_refused(store: Store, valkey_url: str, cursor: str) -> None:
    async with serving(store, valkey_url) as client:
        assert await _refusal(client, after_cursor=cursor) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "CURSOR_MALFORMED",
        )


async def test_a_malformed_page_token_is_named(store: Store, valkey_url: str) -> None:
    async with serving(store, valkey_url) as client:
        with pytest.raises(grpc.aio.AioRpcError, match="page_token") as caught:
            await client.stub.ListEvents(events_pb2.ListEventsRequest(page_token="nonsense"))
    assert reason_of(caught.value) == "CURSOR_MALFORMED"


@pytest.mark.parametrize("seconds", [-(2**63), 2**63 - 1])
async def test_times_beyond_the_calendar_are_the_ends_of_the_log(
    store: Store, valkey_url: str, writer: LogWriter, seconds: int
) -> None:
    async with serving(store, valkey_url) as client:
        delivered = events_of(await client.all(start_time=Timestamp(seconds=seconds)))
    assert len(delivered) == (20 if seconds < 0 else 0)


async def test_a_cursor_of_another_filter_or_shard_is_refused(
    store: Store, valkey_url: str
) -> None:
    async with serving(store, valkey_url) as client:
        cursor = (await client.all())[-1].cursor
        shard = events_pb2.Shard(index=1, count=2)
        for other in ({"filter": QUIET}, {"shard": shard}):
            assert await _refusal(client, after_cursor=cursor, **other) == (
                grpc.StatusCode.INVALID_ARGUMENT,
                "CURSOR_OF_OTHER_FILTER",
            )
        whole = events_pb2.Shard(index=0, count=1)
        basic = events_pb2.EVENT_VIEW_BASIC
        assert await client.all(after_cursor=cursor, shard=whole, view=basic)


async def test_a_cursor_before_what_is_kept_has_expired(
    store: Store, valkey_url: str, clock: SteppedClock, writer: LogWriter
) -> None:
    async with serving(store, valkey_url) as client:
        old = (await client.all())[0].cursor
        newest = (await client.all())[-1].cursor
        clock.advance_by(8 * DAY_MS)
        await writer.connect("acme/late")
        await writer.connect("globex/late")
        assert await _refusal(client, after_cursor=old) == (
            grpc.StatusCode.OUT_OF_RANGE,
            "CURSOR_EXPIRED",
        )
        # All that is gone was delivered before the newest cursor: there is no gap behind it.
        rest = events_of(await client.all(after_cursor=newest))
        assert by_partition(rest) == writer.log(valkey_url)
        assert by_partition(events_of(await client.all())) == writer.log(valkey_url)


async def test_checkpoints_keep_a_filtered_subscriber_from_falling_out_of_the_log(
    store: Store, valkey_url: str, clock: SteppedClock, writer: LogWriter
) -> None:
    async with serving(store, valkey_url, checkpoint_seconds=0.05) as client:
        first = (await client.all(filter=QUIET))[0].cursor
        async with aclosing(client.follow(filter=QUIET, after_cursor=first)) as stream:
            await next_of(stream, "caught_up")
            await writer.connect("acme/late")
            await next_of(stream, "checkpoint")
            checkpoint = await next_of(stream, "checkpoint")
        clock.advance_by(8 * DAY_MS)
        await writer.connect("acme/later")
        assert await _refusal(client, filter=QUIET, after_cursor=first) == (
            grpc.StatusCode.OUT_OF_RANGE,
            "CURSOR_EXPIRED",
        )
        assert await client.all(filter=QUIET, after_cursor=checkpoint.cursor)


async def test_a_lost_log_is_said_to_cursors_and_to_live_subscribers(
    store: Store, valkey_url: str, writer: LogWriter
) -> None:
    async with serving(store, valkey_url) as client:
        cursor = (await client.all())[-1].cursor
        async with aclosing(client.follow()) as stream:
            await next_of(stream, "caught_up")
            with redis.Redis.from_url(valkey_url) as other:
                other.flushall()
            # Nobody writes: the service notices by itself.
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async with asyncio.timeout(10):
                    await next_of(stream, "batch")
        assert caught.value.code() is grpc.StatusCode.OUT_OF_RANGE
        assert reason_of(caught.value) == "LOG_EPOCH_CHANGED"
        assert await _refusal(client, after_cursor=cursor) == (
            grpc.StatusCode.OUT_OF_RANGE,
            "LOG_EPOCH_CHANGED",
        )
        async with aclosing(client.follow()) as stream:
            await next_of(stream, "caught_up")
            await writer.connect("acme/anew")
            batch = await next_of(stream, "batch")
        assert [event.account for event in batch.batch.events] == ["workspaces/acme/accounts/anew"]


async def test_what_happens_while_the_tail_has_no_connection_arrives(
    store: Store, valkey_url: str, writer: LogWriter
) -> None:
    async with serving(store, valkey_url) as client, aclosing(client.follow()) as stream:
        await next_of(stream, "caught_up")
        with redis.Redis.from_url(valkey_url) as other:
            while not (tails := [c["id"] for c in other.client_list() if c["cmd"] == "xread"]):
                # It looks after itself at this moment, on the same connection.
                await store.call(0, "describe_log", {})
            assert other.client_kill_filter(_id=tails[0])
        # It comes back after this.
        await writer.connect("acme/afterwards")
        async with asyncio.timeout(10):
            batch = await next_of(stream, "batch")
    assert [event.account for event in batch.batch.events] == [
        "workspaces/acme/accounts/afterwards"
    ]


async def test_a_drain_ends_subscriptions_with_a_cursor_that_another_replica_takes(
    store: Store, valkey_url: str, writer: LogWriter
) -> None:
    async with serving(store, valkey_url) as client, serving(store, valkey_url) as replica:
        async with aclosing(client.follow()) as stream:
            await next_of(stream, "caught_up")
            stopping = asyncio.create_task(client.server.stop())
            draining = await next_of(stream, "draining")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await next_of(stream, "batch")
            await stopping
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert reason_of(caught.value) == "SERVER_DRAINING"
        await writer.connect("acme/meanwhile")
        (event,) = events_of(await replica.all(after_cursor=draining.cursor))
    assert event.account == "workspaces/acme/accounts/meanwhile"


async def test_a_subscriber_that_goes_is_forgotten(store: Store, valkey_url: str) -> None:
    async with serving(store, valkey_url, checkpoint_seconds=0.05) as client:
        async with aclosing(client.follow()) as stream:
            await next_of(stream, "opened")
        async with asyncio.timeout(10):
            while (await client.stub.GetEventLog(events_pb2.GetEventLogRequest())).subscriber_count:
                pass


async def _refusal(client: EventClient, **request: object) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.all(**request)
    return caught.value.code(), reason_of(caught.value)
