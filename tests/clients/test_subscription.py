"""A subscription goes on where it broke off, whatever broke it, and skips nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import grpc
import pytest
from audience.v1.audiences_pb2 import Member, StreamProspectsRequest, StreamProspectsResponse
from enrichment.v1.events_pb2 import (
    START_POSITION_EARLIEST,
    CaughtUp,
    Draining,
    Event,
    EventBatch,
    Opened,
    SubscribeEventsRequest,
    SubscribeEventsResponse,
)

from clients.audience import AudienceClient
from clients.enrichment import EnrichmentClient
from clients.errors import RpcFailed, SnapshotNeeded
from clients.subscription import stream_prospects, subscribe
from tests.clients.real_server import (
    RealServer,
    error_info,
    rich_status,
    server_stream,
    serving,
)

EVENTS = 30
Context = grpc.aio.ServicerContext[SubscribeEventsRequest, SubscribeEventsResponse]
FROM_START = SubscribeEventsRequest(start_position=START_POSITION_EARLIEST)


class Log:
    """A log of 30 events, one a message; the cursor is the number of the last one delivered.

    ``break_at`` maps a position to what ends the stream there, once.
    """

    def __init__(self, break_at: dict[int, grpc.StatusCode | str] | None = None) -> None:
        self.break_at = break_at or {}
        self.starts: list[int] = []
        self.open = 0
        self.closed = asyncio.Event()
        self.live = asyncio.Event()

    async def subscribe(self, request: SubscribeEventsRequest, context: Context) -> None:
        position = int(request.after_cursor or 0)
        self.starts.append(position)
        self.open += 1
        try:
            await context.write(SubscribeEventsResponse(cursor=str(position), opened=Opened()))
            while position < EVENTS:
                position += 1
                match self.break_at.pop(position, None):
                    case grpc.StatusCode() as code:
                        await context.abort(code, "broken by the test")
                    case "draining":
                        cursor = str(position - 1)
                        await context.write(
                            SubscribeEventsResponse(cursor=cursor, draining=Draining())
                        )
                        await context.abort(grpc.StatusCode.UNAVAILABLE, "draining")
                    case "ended":
                        return
                    case "silent":
                        await asyncio.Event().wait()
                batch = EventBatch(events=[Event(event_id=str(position))])
                await context.write(SubscribeEventsResponse(cursor=str(position), batch=batch))
            await context.write(SubscribeEventsResponse(cursor=str(position), caught_up=CaughtUp()))
            if not request.stop_when_caught_up:
                self.live.set()
                await asyncio.Event().wait()
        finally:
            self.open -= 1
            self.closed.set()

    def handler(self) -> grpc.GenericRpcHandler:
        return server_stream(
            "enrichment.v1.EventService/SubscribeEvents",
            self.subscribe,
            request=SubscribeEventsRequest,
            response=SubscribeEventsResponse,
        )


async def collect(
    server: RealServer, *, cursor: str | None = None, quiet_seconds: float = 45.0
) -> list[int]:
    """Everything until the log has been caught up with."""
    seen: list[int] = []
    async with (
        EnrichmentClient(server.address) as client,
        aclosing(
            subscribe(client.events, FROM_START, cursor=cursor, quiet_seconds=quiet_seconds)
        ) as messages,
    ):
        async for message in messages:
            seen += [int(event.event_id) for event in message.batch.events]
            if message.HasField("caught_up"):
                return seen
    raise AssertionError("a subscription does not end by itself")


@pytest.mark.parametrize(
    "end",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        "draining",
        "ended",
    ],
)
async def test_it_resumes_behind_the_last_message(end: grpc.StatusCode | str) -> None:
    log = Log({4: end, 17: end})
    async with serving(log.handler()) as server:
        assert await collect(server) == list(range(1, EVENTS + 1))
    assert log.starts == [0, 3, 16]


async def test_it_starts_after_a_cursor_of_an_earlier_run() -> None:
    log = Log()
    async with serving(log.handler()) as server:
        assert await collect(server, cursor="25") == [26, 27, 28, 29, 30]
    assert log.starts == [25]


async def test_a_killed_server_is_found_again() -> None:
    """The connection is lost in the middle, the port is dead for a while, then it is back."""
    log = Log({11: "silent"})
    seen: list[int] = []
    async with serving(log.handler()) as first, EnrichmentClient(first.address) as client:
        messages = subscribe(client.events, FROM_START)
        while 10 not in seen:
            seen += [int(event.event_id) for event in (await anext(messages)).batch.events]
        waiting = asyncio.ensure_future(anext(messages))
        await first.kill()
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done(), "there is nobody to hear from"
        async with serving(log.handler(), port=first.port):
            message = await waiting
            while not message.HasField("caught_up"):
                seen += [int(event.event_id) for event in message.batch.events]
                message = await anext(messages)
            await messages.aclose()
    assert seen == list(range(1, EVENTS + 1))
    assert log.starts[-1] == 10


async def test_a_silent_stream_is_opened_again() -> None:
    log = Log({5: "silent"})
    async with serving(log.handler()) as server:
        assert await collect(server, quiet_seconds=0.3) == list(range(1, EVENTS + 1))
    assert log.starts == [0, 4]


async def test_the_call_is_closed_when_the_consumer_stops() -> None:
    log = Log({5: "silent"})
    async with serving(log.handler()) as server, EnrichmentClient(server.address) as client:
        async for message in subscribe(client.events, FROM_START):
            if message.batch.events:
                break
        await asyncio.wait_for(log.closed.wait(), 5)
        assert log.open == 0


async def test_the_call_is_closed_when_the_consumer_is_cancelled() -> None:
    log = Log()
    async with serving(log.handler()) as server, EnrichmentClient(server.address) as client:

        async def follow() -> None:
            async for _ in subscribe(client.events, FROM_START):
                pass

        task = asyncio.create_task(follow())
        await asyncio.wait_for(log.live.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(log.closed.wait(), 5)
        assert log.open == 0


async def test_it_ends_when_caught_up_if_asked_to() -> None:
    log = Log({9: grpc.StatusCode.UNAVAILABLE})
    request = SubscribeEventsRequest(stop_when_caught_up=True)
    async with serving(log.handler()) as server, EnrichmentClient(server.address) as client:
        messages = [message async for message in subscribe(client.events, request)]
    assert sum(len(message.batch.events) for message in messages) == EVENTS
    assert not request.after_cursor, "the caller's message stays as it was"


@pytest.mark.parametrize("reason", ["CURSOR_EXPIRED", "LOG_EPOCH_CHANGED"])
async def test_a_cursor_that_is_no_good_asks_for_a_snapshot(reason: str) -> None:
    async def refuse(_: SubscribeEventsRequest, context: Context) -> None:
        code, message, trailers = rich_status(
            grpc.StatusCode.OUT_OF_RANGE, "Take a snapshot.", [error_info(reason)]
        )
        await context.abort(code, message, trailers)

    with pytest.raises(SnapshotNeeded) as caught:
        await _first_message(refuse)
    assert caught.value.reason == reason


async def test_a_refused_request_is_not_repeated() -> None:
    calls = 0

    async def refuse(_: SubscribeEventsRequest, context: Context) -> None:
        nonlocal calls
        calls += 1
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such filter")

    with pytest.raises(RpcFailed):
        await _first_message(refuse)
    assert calls == 1


async def _first_message(
    answer: Callable[[SubscribeEventsRequest, Context], Awaitable[None]],
) -> SubscribeEventsResponse:
    handler = server_stream(
        "enrichment.v1.EventService/SubscribeEvents",
        answer,
        request=SubscribeEventsRequest,
        response=SubscribeEventsResponse,
    )
    async with serving(handler) as server, EnrichmentClient(server.address) as client:
        return await anext(subscribe(client.events, FROM_START, cursor="7"))


async def test_members_are_read_on_after_a_break() -> None:
    breaks = {3: grpc.StatusCode.UNAVAILABLE}
    starts: list[int] = []

    async def stream(
        request: StreamProspectsRequest,
        context: grpc.aio.ServicerContext[StreamProspectsRequest, StreamProspectsResponse],
    ) -> None:
        position = int(request.after_cursor or 0)
        starts.append(position)
        for number in range(position + 1, 8):
            if code := breaks.pop(number, None):
                await context.abort(code, "broken by the test")
            await context.write(
                StreamProspectsResponse(cursor=str(number), members=[Member(audience=str(number))])
            )

    handler = server_stream(
        "audience.v1.AudienceService/StreamProspects",
        stream,
        request=StreamProspectsRequest,
        response=StreamProspectsResponse,
    )
    request = StreamProspectsRequest(audiences=["workspaces/w/audiences/a"])
    async with serving(handler) as server, AudienceClient(server.address) as client:
        seen = [
            int(member.audience)
            async for message in stream_prospects(client.audiences, request, cursor="1")
            for member in message.members
        ]
    assert seen == [2, 3, 4, 5, 6, 7]
    assert starts == [1, 2]
