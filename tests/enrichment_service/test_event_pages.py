"""What readers share: pages that are kept, and bytes that are made once."""

import pytest
from enrichment.v1 import events_pb2
from hypothesis import given
from hypothesis import strategies as st

from enrichment_service import event_pages
from enrichment_service.convert_events import MessageEncoder, to_proto_event
from enrichment_service.event_cursors import Position, StreamId
from enrichment_service.event_filter import EventFilter
from enrichment_service.event_pages import Batch, LoggedEvent, Page, PageCache
from enrichment_service.event_stream import Message, MessageKind
from enrichment_service.store.store import Store
from tests.enrichment_service.event_service import events_of, serving
from tests.support.enrichment_store import Workspace, person_of

EPOCH = "00c0ffee"


def at(number: int) -> Position:
    return Position(EPOCH, StreamId(1, number))


def event(number: int, *, reference: str = "", workspace: str = "w") -> LoggedEvent:
    return LoggedEvent(
        event_id=str(number),
        time_ms=number,
        partition=0,
        position=at(number),
        entry={"t": "PROFILE_WITHDRAWN", "w": workspace, "r": reference},
        record=None,
        now_ms=0,
        weight=1,
    )


def page(first: int, last: int, *, ends: bool) -> Page:
    events = [event(number) for number in range(first, last + 1)]
    return Page(events=events, position=at(last), ends=ends)


async def test_a_full_page_serves_whoever_is_inside_it() -> None:
    cache, full = PageCache(), page(1, 5, ends=False)
    cache.keep(0, at(0), full, joined=True, rings=1)
    assert cache.find(0, at(0), joined=True, rings=9) is full
    rest = cache.find(0, at(3), joined=True, rings=9)
    assert rest is not None
    assert [each.event_id for each in rest.events] == ["4", "5"]
    assert (rest.position, rest.ends) == (at(5), False)
    for partition, position, joined in [(1, at(0), True), (0, at(0), False), (0, at(5), True)]:
        assert cache.find(partition, position, joined=joined, rings=1) is None
    other_epoch = Position("deadbeef", StreamId(1, 3))
    assert cache.find(0, other_epoch, joined=True, rings=1) is None
    cache.drop(0)
    assert cache.find(0, at(0), joined=True, rings=1) is None


async def test_the_last_page_is_good_until_somebody_rings() -> None:
    cache, last = PageCache(), page(1, 5, ends=True)
    cache.keep(0, at(0), last, joined=True, rings=1)
    assert cache.find(0, at(0), joined=True, rings=1) is last
    assert cache.find(0, at(2), joined=True, rings=1) is not None
    assert cache.find(0, at(0), joined=True, rings=2) is None
    assert cache.find(0, at(2), joined=True, rings=2) is None


async def test_pages_are_kept_for_moments_and_in_bounded_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = PageCache()
    monkeypatch.setattr(event_pages, "_PAGES_KEPT", 2)
    for partition in range(3):
        cache.keep(partition, at(0), page(1, 1, ends=False), joined=True, rings=0)
    found = [cache.find(each, at(0), joined=True, rings=0) is not None for each in range(3)]
    assert found == [False, True, True]
    monkeypatch.setattr(event_pages, "_KEPT_SECONDS", -1.0)
    assert cache.find(2, at(0), joined=True, rings=0) is None


def test_readers_of_one_filter_get_the_same_batches() -> None:
    mixed = Page(events=[event(1), event(2, workspace="v"), event(3)], position=at(9), ends=True)
    own = EventFilter(workspaces=frozenset({"w"}))
    [(position, batch)] = mixed.batches(own)
    assert [each.event_id for each in batch.events] == ["1", "3"]
    # What was left out at the end is behind the batch.
    assert position == at(9)
    assert mixed.batches(EventFilter(workspaces=frozenset({"w"})))[0][1] is batch
    assert mixed.batches(EventFilter(workspaces=frozenset({"x"}))) == []


@given(sizes=st.lists(st.integers(0, 40_000), min_size=1, max_size=4))
def test_bytes_put_together_are_the_message(sizes: list[int]) -> None:
    events = [event(number, reference="r" * size) for number, size in enumerate(sizes)]
    message = Message(kind=MessageKind.BATCH, cursor="c", batch=Batch(events=events))
    encoder = MessageEncoder()
    whole = events_pb2.SubscribeEventsResponse(
        cursor="c", batch=events_pb2.EventBatch(events=map(to_proto_event, events))
    )
    for _ in range(2):
        assert events_pb2.SubscribeEventsResponse.FromString(encoder.encode(message)) == whole


async def test_nobody_gets_an_erased_person_out_of_a_kept_page(
    store: Store, valkey_url: str, workspace: Workspace
) -> None:
    await workspace.connect()
    await workspace.create()
    await workspace.submit("e", ["ada"])
    lease = await workspace.claim()
    assert lease
    await workspace.finish(lease, await workspace.view(lease), person=person_of("ada"))
    async with serving(store, valkey_url) as client:
        before = events_of(await client.all())
        again = events_of(await client.all())
        await workspace.call("erase_profile", workspace="w", ids=["ada"], fresh_id="stands-for-her")
        erased: list[events_pb2.Event] = []
        # The one who is told of it knows that it is gone everywhere.
        async for message in client.follow(start_position=events_pb2.START_POSITION_EARLIEST):
            erased += message.batch.events
            if any(each.type == events_pb2.EVENT_TYPE_PROFILE_ERASED for each in erased):
                break
        after = events_of(await client.all())
    assert [each.profile_data.first_name for each in before if each.HasField("profile_data")]
    assert again == before
    assert not any(each.HasField("profile_data") for each in after)
