"""EventService: parse, call, map."""

from typing import Any

import grpc
from enrichment.v1 import events_pb2
from enrichment.v1.events_pb2_grpc import EventServiceServicer

from enrichment_service.convert_events import (
    MessageEncoder,
    from_proto_filter,
    from_proto_subscription,
    to_proto_event,
    to_proto_log,
    wants_profiles,
)
from enrichment_service.event_stream import Message
from enrichment_service.events import Events
from servicekit.caller_limit import CallerLimit
from servicekit.callers import current_caller
from servicekit.pages import page_size

_ANONYMOUS = "anonymous"

Context = grpc.aio.ServicerContext[Any, Any]


def subscription_limit(most: int) -> CallerLimit:
    """Refuses with TOO_MANY_SUBSCRIPTIONS."""
    return CallerLimit(
        most,
        reason="TOO_MANY_SUBSCRIPTIONS",
        things="subscriptions",
        advice="End those that nobody reads, join several by a wider filter, or come back later.",
    )


class EventServicer(EventServiceServicer):
    """The log for callers."""

    def __init__(self, events: Events, *, limit: CallerLimit) -> None:
        self._events = events
        self._limit = limit
        self._encoder = MessageEncoder()

    async def _subscribe(
        self, request: events_pb2.SubscribeEventsRequest, context: Context
    ) -> None:
        async def send(message: Message) -> None:
            await context.write(self._encoder.encode(message))

        with self._limit.taken(current_caller.get().name):
            await self._events.subscribe(
                from_proto_subscription(request), send, consumer=_consumer()
            )

    # The stubs type it as a generator, which gRPC would not close when the caller goes.
    SubscribeEvents: Any = _subscribe

    async def ListEvents(
        self, request: events_pb2.ListEventsRequest, context: Context
    ) -> events_pb2.ListEventsResponse:
        page = await self._events.list(
            from_proto_filter(request.filter),
            joined=wants_profiles(request.view),
            limit=page_size(request.page_size, default=100),
            after_cursor=request.page_token,
        )
        return events_pb2.ListEventsResponse(
            events=map(to_proto_event, page.events), next_page_token=page.cursor
        )

    async def GetEventLog(
        self, request: events_pb2.GetEventLogRequest, context: Context
    ) -> events_pb2.GetEventLogResponse:
        return to_proto_log(await self._events.describe())


def _consumer() -> str:
    """The calling service, for metrics; hosts are too many for that."""
    caller = current_caller.get()
    return _ANONYMOUS if caller.scopes is None else caller.name
