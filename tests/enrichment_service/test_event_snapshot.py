"""Snapshots over gRPC: what they list, in which words, and where their cursors go on."""

import base64
from contextlib import aclosing
from itertools import count
from typing import Any

import grpc
import pytest
import redis
from enrichment.v1 import events_pb2, profiles_pb2

from enrichment_service.ports import partition_of
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.enrichment_service.event_service import (
    DAY_MS,
    Event,
    LogWriter,
    events_of,
    kinds,
    next_of,
    reason_of,
    serving,
)
from tests.support.enrichment_store import Workspace, person_of

SNAPSHOT = events_pb2.START_POSITION_SNAPSHOT


@pytest.fixture
async def people(workspace: Workspace) -> Workspace:
    """Somebody in every state, in the enrichment e; two of them in a second one on account b."""
    await workspace.connect(strategy="VETERAN")
    await workspace.create()
    asked = ["ada", "bob", "cyd", "dee", "eve"]
    await workspace.submit("e", [*asked, "flo"])
    lease = await workspace.claim()
    assert lease
    views = [await workspace.view(lease)]
    await workspace.finish(lease, views[0], person=person_of("ada", headline="Countess"))
    views.append(await workspace.view(lease))
    await workspace.finish(lease, views[1], outcome="FAILED", failure="NOT_ACCESSIBLE")
    views.append(await workspace.view(lease))
    await workspace.finish(lease, views[2], outcome="PARTIAL", person=person_of("cyd"))
    views.append(await workspace.view(lease))
    await workspace.finish(lease, views[3], outcome="PARTIAL", retry_in_ms=DAY_MS)
    await workspace.end(lease)
    [eve] = await workspace.submit("e", ["eve"])
    await workspace.call(
        "withdraw_profiles", enrichment=workspace.of("e"), profiles=[eve["profile"]]
    )
    await workspace.connect("b")
    await workspace.create("second", "b")
    await workspace.submit("second", ["ada", "flo"])
    return workspace


async def test_every_state_is_told_as_the_event_that_leads_to_it(
    store: Store, valkey_url: str, people: Workspace, clock: SteppedClock
) -> None:
    clock.advance_by(5)
    async with serving(store, valkey_url) as client:
        messages = await client.all(start_position=SNAPSHOT)
    assert kinds(messages) == ["opened", "batch", "snapshot_end", "caught_up"]
    by_reference: dict[str, Event] = {
        event.reference: event
        for event in events_of(messages)
        if event.enrichment.endswith("/enrichments/e")
    }
    types = {name: events_pb2.EventType.Name(event.type) for name, event in by_reference.items()}
    assert types == {
        "ref-ada": "EVENT_TYPE_PROFILE_ENRICHED",
        "ref-bob": "EVENT_TYPE_PROFILE_FAILED",
        "ref-cyd": "EVENT_TYPE_PROFILE_PARTIAL",
        "ref-dee": "EVENT_TYPE_PROFILE_PARTIAL",
        "ref-eve": "EVENT_TYPE_PROFILE_WITHDRAWN",
        "ref-flo": "EVENT_TYPE_PROFILE_PENDING",
    }
    ada = by_reference["ref-ada"]
    assert ada.profile_data.headline == "Countess"
    assert ada.profile_data.connection_degree == profiles_pb2.CONNECTION_DEGREE_SECOND
    assert (ada.account, ada.revision) == ("workspaces/w/accounts/a", 1)
    assert ada.event_time.ToMilliseconds() == clock.now_ms() - 5
    failure = events_pb2.PROFILE_FAILURE_REASON_NOT_ACCESSIBLE
    assert by_reference["ref-bob"].failure_reason == failure
    assert [by_reference[f"ref-{name}"].final for name in ("cyd", "dee")] == [True, False]
    second = [event for event in events_of(messages) if event.enrichment.endswith("/second")]
    assert sorted(event.type for event in second) == [
        events_pb2.EVENT_TYPE_PROFILE_CACHED,
        events_pb2.EVENT_TYPE_PROFILE_PENDING,
    ]
    assert len({event.event_id for event in events_of(messages)}) == 8


async def test_a_cancelled_enrichment_has_nobody_waiting(
    store: Store, valkey_url: str, people: Workspace
) -> None:
    await people.call("cancel_enrichment", enrichment=people.of("e"))
    wanted = events_pb2.EventFilter(enrichments=["workspaces/w/enrichments/e"])
    async with serving(store, valkey_url) as client:
        states = events_of(await client.all(start_position=SNAPSHOT, filter=wanted))
    types = {event.reference: event.type for event in states}
    assert types["ref-flo"] == types["ref-dee"] == events_pb2.EVENT_TYPE_PROFILE_WITHDRAWN
    assert types["ref-ada"] == events_pb2.EVENT_TYPE_PROFILE_ENRICHED


@pytest.mark.parametrize(
    ("names", "states"),
    [
        ({"workspaces": ["workspaces/w"]}, 8),
        ({"workspaces": ["workspaces/other"]}, 0),
        ({"accounts": ["workspaces/w/accounts/b"]}, 2),
        ({"enrichments": ["workspaces/w/enrichments/second"]}, 2),
        ({"types": [events_pb2.EVENT_TYPE_PROFILE_PENDING]}, 2),
    ],
)
async def test_a_filter_passes_what_it_names(
    store: Store, valkey_url: str, people: Workspace, names: dict[str, Any], states: int
) -> None:
    async with serving(store, valkey_url) as client:
        wanted = events_pb2.EventFilter(**names)
        messages = await client.all(start_position=SNAPSHOT, filter=wanted)
        shards = [
            await client.all(
                start_position=SNAPSHOT, filter=wanted, shard=events_pb2.Shard(index=i, count=16)
            )
            for i in range(16)
        ]
    assert len(events_of(messages)) == states
    assert sum(len(events_of(each)) for each in shards) == states
    # Whoever has no partition at all is told that there is nothing, too.
    assert all("snapshot_end" in kinds(each) for each in shards)


async def test_the_tail_begins_where_the_snapshot_began(
    store: Store, valkey_url: str, people: Workspace
) -> None:
    writer = LogWriter(store)
    async with (
        serving(store, valkey_url) as client,
        serving(store, valkey_url) as replica,
        aclosing(client.follow(start_position=SNAPSHOT)) as stream,
    ):
        opened = await next_of(stream, "opened")
        end = await next_of(stream, "snapshot_end")
        await writer.connect("w/later")
        from_end = await replica.all(after_cursor=end.cursor)
        from_beginning = await replica.all(after_cursor=opened.cursor)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.stub.ListEvents(events_pb2.ListEventsRequest(page_token=opened.cursor))
    assert [event.account for event in events_of(from_end)] == ["workspaces/w/accounts/later"]
    assert kinds(from_beginning).count("snapshot_end") == 1
    assert len(events_of(from_beginning)) == 9
    assert reason_of(caught.value) == "CURSOR_INSIDE_SNAPSHOT"


@pytest.mark.parametrize("loss", ["CURSOR_EXPIRED", "LOG_EPOCH_CHANGED"])
async def test_a_snapshot_whose_tail_is_gone_is_not_gone_on_with(
    store: Store,
    valkey_url: str,
    people: Workspace,
    clock: SteppedClock,
    valkey_client: "redis.Redis",
    loss: str,
) -> None:
    async with serving(store, valkey_url) as client:
        async with aclosing(client.follow(start_position=SNAPSHOT)) as stream:
            opened = await next_of(stream, "opened")
        await LogWriter(store).connect("w/later")
        if loss == "CURSOR_EXPIRED":
            clock.advance_by(8 * DAY_MS)
            await LogWriter(store).connect("w/much-later")
        else:
            valkey_client.flushall()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.all(after_cursor=opened.cursor)
        assert reason_of(caught.value) == loss
        # And the next one says what there is now.
        states = events_of(await client.all(start_position=SNAPSHOT))
    assert len(states) == (8 if loss == "CURSOR_EXPIRED" else 0)


async def test_neighbours_in_a_partition_see_nothing_of_each_other(
    store: Store, valkey_url: str, people: Workspace
) -> None:
    names = (f"w-{number}" for number in count())
    neighbour = next(name for name in names if partition_of(name) == people.partition)
    writer = LogWriter(store)
    await writer.connect(f"{neighbour}/secret")
    await writer.create(f"{neighbour}/secret", account=f"{neighbour}/secret")
    await writer.submit(f"{neighbour}/secret", ["zoe"])
    wanted = events_pb2.EventFilter(workspaces=["workspaces/w"])
    async with serving(store, valkey_url) as client:
        whole = events_of(await client.all(start_position=SNAPSHOT))
        messages = await client.all(start_position=SNAPSHOT, filter=wanted)
    assert len(whole) == 9
    assert len(events_of(messages)) == 8
    for message in messages:
        assert b"secret" not in base64.urlsafe_b64decode(message.cursor + "==")
