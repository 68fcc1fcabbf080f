"""What subscribers get: everything they asked for, in order, from where they asked for it."""

from collections.abc import Callable, Iterator
from contextlib import aclosing
from functools import partial

import pytest
from enrichment.v1 import events_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.enrichment_service.event_service import (
    DAY_MS,
    Event,
    LogWriter,
    by_partition,
    events_of,
    kinds,
    next_of,
    serving,
)

WORKSPACES = ("acme", "globex", "initech", "umbrella")
Wanted = Callable[[Event], bool]


@pytest.fixture
async def writer(store: Store) -> LogWriter:
    """A writer, with 40 events of four workspaces in the log."""
    writer = LogWriter(store)
    for workspace in WORKSPACES:
        await writer.fill(workspace, accounts=2, people=2)
    return writer


async def test_earliest_delivers_the_whole_log_in_order(
    store: Store, valkey_url: str, writer: LogWriter
) -> None:
    async with serving(store, valkey_url) as client:
        messages = await client.all()
    assert kinds(messages)[0] == "opened"
    assert kinds(messages)[-1] == "caught_up"
    assert all(message.cursor for message in messages)
    assert messages[0].opened.retention.ToMilliseconds() == 7 * DAY_MS
    assert by_partition(events_of(messages)) == writer.log(valkey_url)


async def test_events_tell_what_happened_to_whom(
    store: Store, valkey_url: str, clock: SteppedClock
) -> None:
    writer = LogWriter(store)
    await writer.connect("acme/ann")
    await writer.create("acme/spring", account="acme/ann")
    (profile,) = await writer.withdraw("acme/spring", ["somebody"])
    async with serving(store, valkey_url) as client:
        connected, created, withdrawn, idle = events_of(await client.all())
    assert connected.type == events_pb2.EVENT_TYPE_ACCOUNT_CONNECTED
    assert connected.account == "workspaces/acme/accounts/ann"
    assert not connected.enrichment
    assert not connected.profile
    assert created.type == events_pb2.EVENT_TYPE_ENRICHMENT_CREATED
    assert created.enrichment == "workspaces/acme/enrichments/spring"
    assert withdrawn.type == events_pb2.EVENT_TYPE_PROFILE_WITHDRAWN
    assert withdrawn.profile == f"workspaces/acme/profiles/{profile}"
    assert withdrawn.reference == "ref-somebody"
    assert withdrawn.revision == 1
    assert withdrawn.progress.withdrawn == 1
    assert not withdrawn.HasField("profile_data")
    assert idle.type == events_pb2.EVENT_TYPE_ENRICHMENT_IDLE
    assert {event.event_time.ToMilliseconds() for event in (connected, idle)} == {clock.now_ms()}


async def test_profile_data_is_joined_as_the_account_sees_it(
    store: Store, valkey_url: str, clock: SteppedClock
) -> None:
    writer = LogWriter(store)
    await writer.connect("acme/ann")
    await writer.create("acme/spring", account="acme/ann")
    await writer.submit("acme/spring", ["ada-lovelace"])
    expires_ms = clock.now_ms() + DAY_MS
    await writer.enrich(
        "acme/ann",
        data={
            "provider_id": "ACoAA1234567",
            "first_name": "Ada",
            "picture_url": "https://pictures.example/1",
            "picture_expire_ms": expires_ms,
        },
        viewer={"degree": "SECOND", "shared": 14},
    )
    # Another account of the workspace gets the person from the cache, without its own view of it.
    await writer.connect("acme/bob")
    await writer.create("acme/autumn", account="acme/bob")
    await writer.submit("acme/autumn", ["ada-lovelace"])
    types = [events_pb2.EVENT_TYPE_PROFILE_ENRICHED, events_pb2.EVENT_TYPE_PROFILE_CACHED]
    wanted = events_pb2.EventFilter(types=types)
    async with serving(store, valkey_url) as client:
        enriched, cached = events_of(await client.all(filter=wanted))
        basic = events_of(await client.all(filter=wanted, view=events_pb2.EVENT_VIEW_BASIC))
        clock.advance_to(expires_ms)
        later, _ = events_of(await client.all(filter=wanted))
    assert enriched.profile_data.name == enriched.profile
    assert enriched.profile_data.first_name == "Ada"
    assert enriched.profile_data.picture_url == "https://pictures.example/1"
    assert enriched.profile_data.connection_degree == 2
    assert enriched.profile_data.shared_connections_count == 14
    assert enriched.budget.committed_by_enrichment == 1
    assert enriched.budget.limit == 10
    assert enriched.budget.date == "2026-01-05"
    assert cached.profile == enriched.profile
    assert cached.profile_data.first_name == "Ada"
    assert cached.profile_data.connection_degree == 0
    assert cached.profile_data.shared_connections_count == 0
    assert [event.HasField("profile_data") for event in basic] == [False, False]
    assert [event.event_id for event in basic] == [enriched.event_id, cached.event_id]
    assert later.profile_data.picture_url == ""
    assert later.profile_data.first_name == "Ada"


def _in_workspace(workspace: str, event: Event) -> bool:
    return event.account.startswith(f"workspaces/{workspace}/")


def _filters() -> Iterator[tuple[dict[str, list[str]], Wanted]]:
    yield {"workspaces": ["workspaces/acme"]}, partial(_in_workspace, "acme")
    account = "workspaces/acme/accounts/a1"
    yield {"accounts": [account]}, lambda event: event.account == account
    enrichment = "workspaces/globex/enrichments/e0"
    yield {"enrichments": [enrichment]}, lambda event: event.enrichment == enrichment
    both = {"accounts": ["workspaces/globex/accounts/a0"], "enrichments": [enrichment]}
    yield both, lambda event: event.enrichment == enrichment
    # ANDed: nothing is of both.
    yield {"accounts": [account], "workspaces": ["workspaces/globex"]}, lambda _: False
    yield {"enrichments": ["workspaces/globex/enrichments/none"]}, lambda _: False


@pytest.mark.parametrize(("names", "wanted"), list(_filters()))
@pytest.mark.parametrize("types", [[], ["PROFILE_WITHDRAWN", "ACCOUNT_CONNECTED"]])
async def test_a_filter_passes_what_it_names(
    store: Store,
    valkey_url: str,
    writer: LogWriter,
    names: dict[str, list[str]],
    wanted: Wanted,
    types: list[str],
) -> None:
    numbers = [events_pb2.EventType.Value(f"EVENT_TYPE_{name}") for name in types]
    async with serving(store, valkey_url) as client:
        everything = events_of(await client.all())
        event_filter = events_pb2.EventFilter(types=numbers, **names)
        passed = events_of(await client.all(filter=event_filter))
    assert by_partition(passed) == by_partition(
        event for event in everything if wanted(event) and (not types or event.type in numbers)
    )


@pytest.mark.parametrize("count", [2, 3, 16])
async def test_shards_together_see_every_event_once(
    store: Store, valkey_url: str, writer: LogWriter, count: int
) -> None:
    seen: list[Event] = []
    async with serving(store, valkey_url) as client:
        for index in range(count):
            shard = events_pb2.Shard(index=index, count=count)
            seen += events_of(await client.all(shard=shard))
    assert by_partition(seen) == writer.log(valkey_url)


async def test_now_delivers_only_what_comes_after_opened(
    store: Store, valkey_url: str, writer: LogWriter
) -> None:
    async with serving(store, valkey_url) as client, aclosing(client.follow()) as stream:
        await next_of(stream, "opened")
        await writer.connect("acme/new")
        batch = await next_of(stream, "batch")
    assert [event.account for event in batch.batch.events] == ["workspaces/acme/accounts/new"]


async def test_a_time_starts_with_the_first_event_not_before_it(
    store: Store, valkey_url: str, clock: SteppedClock, writer: LogWriter
) -> None:
    clock.advance_by(1)
    at = clock.now_ms()
    await writer.connect("acme/at")
    clock.advance_by(1)
    await writer.connect("globex/after")
    async with serving(store, valkey_url) as client:
        start = Timestamp(seconds=at // 1000, nanos=at % 1000 * 1_000_000)
        from_time = events_of(await client.all(start_time=start))
        start.nanos += 1
        from_later = events_of(await client.all(start_time=start))
    names = sorted(event.account for event in from_time)
    assert names == ["workspaces/acme/accounts/at", "workspaces/globex/accounts/after"]
    assert [event.account for event in from_later] == ["workspaces/globex/accounts/after"]


async def test_a_long_way_behind_is_said_and_caught_up_again(
    store: Store, valkey_url: str, writer: LogWriter
) -> None:
    async with serving(store, valkey_url) as client, aclosing(client.follow()) as stream:
        await next_of(stream, "caught_up")
        # One call appends more than a read takes.
        await writer.withdraw("acme/e0", [f"crowd-{number}" for number in range(600)])
        await next_of(stream, "fell_behind")
        delivered = 0
        async for message in stream:
            delivered += len(message.batch.events)
            if message.WhichOneof("message") == "caught_up":
                break
    assert delivered == 601
