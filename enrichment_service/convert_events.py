"""Events and what they carry, as messages of the contract. Protobuf stops here."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from enrichment.v1 import enrichments_pb2, events_pb2, pauses_pb2
from google.protobuf.duration_pb2 import Duration

from enrichment_service.convert import to_date, to_proto_profile, to_proto_time
from enrichment_service.event_cursors import Position
from enrichment_service.event_filter import EventFilter, Selection, Shard
from enrichment_service.event_log import Extent, event_id
from enrichment_service.event_pages import Batch, Event
from enrichment_service.event_stream import Message, MessageKind
from enrichment_service.events import LogDescription, Start, Subscription
from enrichment_service.model import FailureReason, PauseReason

_BATCH_FIELD = events_pb2.SubscribeEventsResponse.BATCH_FIELD_NUMBER
_EVENTS_FIELD = events_pb2.EventBatch.EVENTS_FIELD_NUMBER

# An entry of a newer version of the service may have a type that this one does not know: it is
# delivered without it rather than left out.
_TYPES = {
    name.removeprefix("EVENT_TYPE_"): events_pb2.EventType.ValueType(number)
    for name, number in events_pb2.EventType.items()
}
_TYPE_NAMES = {number: name for name, number in _TYPES.items()}
_FAILURES = {
    reason.value: events_pb2.ProfileFailureReason.Value(f"PROFILE_FAILURE_REASON_{reason}")
    for reason in FailureReason
}
_PAUSES = {
    reason.value: pauses_pb2.PauseReason.Value(f"PAUSE_REASON_{reason}") for reason in PauseReason
}
_STARTS = {
    events_pb2.START_POSITION_UNSPECIFIED: Start.NOW,
    events_pb2.START_POSITION_NOW: Start.NOW,
    events_pb2.START_POSITION_EARLIEST: Start.EARLIEST,
    events_pb2.START_POSITION_SNAPSHOT: Start.SNAPSHOT,
}


def from_proto_filter(message: events_pb2.EventFilter) -> EventFilter:
    """The filter of a request that has been validated."""
    return EventFilter(
        workspaces=frozenset(name.removeprefix("workspaces/") for name in message.workspaces),
        accounts=frozenset(map(_id_of, message.accounts)),
        enrichments=frozenset(map(_id_of, message.enrichments)),
        types=frozenset(_TYPE_NAMES[number] for number in message.types),
    )


def from_proto_subscription(request: events_pb2.SubscribeEventsRequest) -> Subscription:
    """What a subscriber asks for."""
    shard = Shard()
    if request.HasField("shard"):
        shard = Shard(index=request.shard.index, count=request.shard.count)
    start_ms = None
    if request.WhichOneof("start") == "start_time":
        # Events have whole milliseconds: the first one not before the time asked for.
        start_ms = request.start_time.seconds * 1000 - -request.start_time.nanos // 1_000_000
    return Subscription(
        selection=Selection(filter=from_proto_filter(request.filter), shard=shard),
        start=_STARTS[request.start_position],
        start_ms=start_ms,
        after_cursor=request.after_cursor,
        joined=wants_profiles(request.view),
        stop_when_caught_up=request.stop_when_caught_up,
    )


def wants_profiles(view: events_pb2.EventView.ValueType) -> bool:
    """Whether events of this view carry profile data."""
    return view != events_pb2.EVENT_VIEW_BASIC


class MessageEncoder:
    """Messages of subscriptions as bytes; events are serialised once for all who get them.

    Serialised messages that follow each other are one message by the rules of protobuf, so a batch
    is put together from the bytes of its events.
    """

    def __init__(self) -> None:
        # They live as long as what they are made of.
        self._events = WeakKeyDictionary[Event, bytes]()
        self._batches = WeakKeyDictionary[Batch, bytes]()
        # The last message with each batch: live subscribers of one filter get the same bytes.
        self._wholes = WeakKeyDictionary[Batch, tuple[str, bytes]]()

    def encode(self, message: Message) -> bytes:
        """A message of a subscription, serialised."""
        if message.batch is None:
            return self._encode_bare(message)
        cursor, whole = self._wholes.get(message.batch, ("", b""))
        if cursor != message.cursor:
            whole = self._encode_bare(message) + self._encode_batch(message.batch)
            self._wholes[message.batch] = message.cursor, whole
        return whole

    @staticmethod
    def _encode_bare(message: Message) -> bytes:
        response = events_pb2.SubscribeEventsResponse(cursor=message.cursor)
        match message.kind:
            case MessageKind.OPENED:
                response.opened.retention.FromMilliseconds(message.retention_ms)
            case MessageKind.CHECKPOINT:
                response.checkpoint.SetInParent()
            case MessageKind.CAUGHT_UP:
                response.caught_up.SetInParent()
            case MessageKind.FELL_BEHIND:
                response.fell_behind.SetInParent()
            case MessageKind.SNAPSHOT_END:
                response.snapshot_end.SetInParent()
            case MessageKind.DRAINING:
                response.draining.SetInParent()
        return response.SerializeToString()

    def _encode_batch(self, batch: Batch) -> bytes:
        encoded = self._batches.get(batch)
        if encoded is None:
            events = b"".join(map(self._encode_event, batch.events))
            encoded = self._batches[batch] = _field(_BATCH_FIELD, events)
        return encoded

    def _encode_event(self, event: Event) -> bytes:
        encoded = self._events.get(event)
        if encoded is None:
            whole = to_proto_event(event).SerializeToString()
            encoded = self._events[event] = _field(_EVENTS_FIELD, whole)
        return encoded


def _field(number: int, value: bytes) -> bytes:
    """A field of bytes as it stands in a serialised message."""
    prefix, size = bytearray([number << 3 | 2]), len(value)
    while size > 127:
        prefix.append(size & 127 | 128)
        size >>= 7
    prefix.append(size)
    return bytes(prefix) + value


def to_proto_event(event: Event) -> events_pb2.Event:
    """An event, with profile data if it was read with it and the person is known."""
    entry = event.entry
    workspace = entry["w"]
    message = events_pb2.Event(
        event_id=event.event_id,
        type=_TYPES.get(entry["t"], events_pb2.EVENT_TYPE_UNSPECIFIED),
        event_time=None if event.time_ms is None else to_proto_time(event.time_ms),
        account=_name(entry.get("a", ""), "accounts"),
        enrichment=_name(entry.get("e", ""), "enrichments"),
        profile=f"workspaces/{workspace}/profiles/{entry['p']}" if "p" in entry else "",
        reference=entry.get("r", ""),
        revision=int(entry.get("v", 0)),
        failure_reason=_FAILURES.get(
            entry.get("f", ""), events_pb2.PROFILE_FAILURE_REASON_UNSPECIFIED
        ),
        pause=_to_proto_pause(entry["pause"]) if "pause" in entry else None,
        budget=_to_proto_budget(entry["budget"]) if "budget" in entry else None,
        progress=_to_proto_progress(entry["progress"]) if "progress" in entry else None,
        final=bool(entry.get("x", False)),
    )
    if event.record and event.record.get("data"):
        message.profile_data.CopyFrom(
            to_proto_profile(workspace, event.record["id"], event.record, now_ms=event.now_ms)
        )
    return message


def to_proto_log(description: LogDescription) -> events_pb2.GetEventLogResponse:
    """The log as a whole."""
    retention = Duration()
    retention.FromMilliseconds(max(extent.retention_ms for extent in description.extents.values()))
    return events_pb2.GetEventLogResponse(
        partitions=[
            _to_proto_partition(index, extent) for index, extent in description.extents.items()
        ],
        retention=retention,
        subscriber_count=description.subscriber_count,
    )


def _to_proto_partition(index: int, extent: Extent) -> events_pb2.EventLogPartition:
    return events_pb2.EventLogPartition(
        index=index,
        epoch=extent.epoch,
        head_event_id=event_id(index, Position(extent.epoch, extent.head)) if extent.length else "",
        floor_time=to_proto_time(extent.oldest.ms) if extent.oldest else None,
        event_count=extent.length,
    )


def _to_proto_pause(pause: Mapping[str, Any]) -> pauses_pb2.Pause:
    until_ms = pause.get("until_ms")
    return pauses_pb2.Pause(
        reason=_PAUSES.get(pause["reason"], pauses_pb2.PAUSE_REASON_UNSPECIFIED),
        since_time=to_proto_time(int(pause["since"])),
        until_time=to_proto_time(int(until_ms)) if until_ms is not None else None,
        waits_for_person=until_ms is None,
    )


def _to_proto_budget(budget: Mapping[str, Any]) -> events_pb2.BudgetSummary:
    return events_pb2.BudgetSummary(
        date=to_date(int(budget["day"])),
        limit=int(budget["limit"]),
        committed=int(budget["committed"]),
        reserved=int(budget["reserved"]),
        committed_by_enrichment=int(budget["enrichment"]),
    )


def _to_proto_progress(progress: Mapping[str, Any]) -> enrichments_pb2.EnrichmentProgress:
    return enrichments_pb2.EnrichmentProgress(
        **{field: int(count) for field, count in progress.items()}
    )


def _name(identifier: str, collection: str) -> str:
    workspace, _, rest = identifier.partition("/")
    return f"workspaces/{workspace}/{collection}/{rest}" if rest else ""


def _id_of(name: str) -> str:
    _, workspace, _, rest = name.split("/")
    return f"{workspace}/{rest}"
