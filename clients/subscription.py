"""Streams that go on where they broke off: the event log, and an audience's members.

Both carry a cursor in every message. After a break the stream is opened again behind the last
message that was handed over: nothing is skipped, and what comes twice has the same event id.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Final, Protocol, TypeVar

import grpc
from audience.v1.audiences_pb2 import StreamProspectsRequest, StreamProspectsResponse
from audience.v1.audiences_pb2_grpc import AudienceServiceStub
from enrichment.v1.events_pb2 import SubscribeEventsRequest, SubscribeEventsResponse
from enrichment.v1.events_pb2_grpc import EventServiceStub

from clients.backoff import Backoff
from clients.errors import RpcFailed, SnapshotNeeded

_log = logging.getLogger(__name__)

# Ends that say nothing about the request: a connection that broke, a server that went away or hit
# a bug. DEADLINE_EXCEEDED and CANCELLED come from whatever stands between.
BROKEN: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
    }
)


class _HasCursor(Protocol):
    @property
    def cursor(self) -> str: ...


MessageT = TypeVar("MessageT", bound=_HasCursor)
RequestT = TypeVar("RequestT")


async def subscribe(
    stub: EventServiceStub,
    request: SubscribeEventsRequest,
    *,
    cursor: str | None = None,
    quiet_seconds: float = 45.0,
) -> AsyncGenerator[SubscribeEventsResponse]:
    """Follow the event log from ``cursor``, or from where ``request`` starts without one.

    Ends only with ``stop_when_caught_up``. Keep the cursor of the last message that you have dealt
    with. One message is held at a time. To stop at once leave the loop inside
    ``contextlib.aclosing``; a plain ``break`` closes the call when the generator is collected.

    Args:
        stub: ``EnrichmentClient.events``.
        request: filter, shard, view and start; it is not changed.
        cursor: where an earlier subscription of the same filter and shard got to.
        quiet_seconds: without any message for this long the stream is taken for dead and opened
            again. The service sends a checkpoint every 15 s.

    Raises:
        SnapshotNeeded: the cursor is older than the log, or the log was lost.
        RpcFailed: the request itself is refused.
    """
    wanted = SubscribeEventsRequest()
    wanted.CopyFrom(request)
    if cursor:
        wanted.after_cursor = cursor

    def reopen(
        after: str | None,
    ) -> grpc.aio.UnaryStreamCall[SubscribeEventsRequest, SubscribeEventsResponse]:
        if after:
            wanted.after_cursor = after
        return stub.SubscribeEvents(wanted)

    messages = _resume(
        reopen,
        kind=SubscribeEventsResponse,
        endless=not request.stop_when_caught_up,
        quiet=quiet_seconds,
    )
    try:
        async for message in messages:
            yield message
    finally:
        await messages.aclose()


async def stream_prospects(
    stub: AudienceServiceStub, request: StreamProspectsRequest, *, cursor: str | None = None
) -> AsyncGenerator[StreamProspectsResponse]:
    """Read the members of audiences, from ``cursor`` if given; with ``follow`` it never ends.

    ``stub`` is ``AudienceClient.audiences``. Every member comes at least once; to stop early leave
    the loop inside ``contextlib.aclosing``.

    Raises:
        RpcFailed: the request itself is refused.
    """
    wanted = StreamProspectsRequest()
    wanted.CopyFrom(request)
    if cursor:
        wanted.after_cursor = cursor

    def reopen(
        after: str | None,
    ) -> grpc.aio.UnaryStreamCall[StreamProspectsRequest, StreamProspectsResponse]:
        if after:
            wanted.after_cursor = after
        return stub.StreamProspects(wanted)

    # A followed audience may have no news for days: only keepalive watches that connection.
    quiet = None if request.follow else 60.0
    messages = _resume(reopen, kind=StreamProspectsResponse, endless=request.follow, quiet=quiet)
    try:
        async for message in messages:
            yield message
    finally:
        await messages.aclose()


async def _resume(
    reopen: Callable[[str | None], grpc.aio.UnaryStreamCall[RequestT, MessageT]],
    *,
    kind: type[MessageT],
    endless: bool,
    quiet: float | None,
) -> AsyncGenerator[MessageT]:
    cursor: str | None = None
    backoff = Backoff()
    while True:
        call = reopen(cursor)
        try:
            while True:
                async with asyncio.timeout(quiet):
                    message = await call.read()
                if not isinstance(message, kind):
                    break
                backoff.reset()
                yield message
                cursor = message.cursor
            if not endless:
                return
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.OUT_OF_RANGE:
                raise SnapshotNeeded(error) from None
            if error.code() not in BROKEN:
                raise RpcFailed(error) from None
            _log.info("stream broken (%s), resuming from its cursor", error.code().name)
        except TimeoutError:
            _log.info("stream silent for %s s, resuming from its cursor", quiet)
        finally:
            call.cancel()
        await asyncio.sleep(backoff.next_pause())
