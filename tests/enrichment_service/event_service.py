"""The event service on a real server, and a writer that fills its log through the real scripts."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import redis
from enrichment.v1 import events_pb2
from enrichment.v1.events_pb2_grpc import EventServiceStub, add_EventServiceServicer_to_server
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from enrichment_service.access import ACCESS
from enrichment_service.event_news import News
from enrichment_service.events import Events
from enrichment_service.ports import PARTITIONS, partition_of
from enrichment_service.servicers.events import EventServicer, subscription_limit
from enrichment_service.store.event_tail import EventTail, log_key
from enrichment_service.store.store import Store
from servicekit.names import random_id
from servicekit.server import RunningServer, start_server
from servicekit.services import Service
from servicekit.settings import ServerSettings

Event = events_pb2.Event
Request = events_pb2.SubscribeEventsRequest
Response = events_pb2.SubscribeEventsResponse
EARLIEST = events_pb2.START_POSITION_EARLIEST
DAY_MS = 86_400_000


class EventClient:
    """A caller of the service at `server`."""

    def __init__(self, *, server: RunningServer, stub: EventServiceStub, events: Events) -> None:
        self.server = server
        self.stub = stub
        self.events = events

    async def all(self, **request: Any) -> list[Response]:
        """Every message until the subscription has caught up, from the oldest event by default."""
        if not {"start_position", "start_time", "after_cursor"} & request.keys():
            request["start_position"] = EARLIEST
        call = self.stub.SubscribeEvents(Request(stop_when_caught_up=True, **request), timeout=30)
        return [message async for message in call]

    async def follow(self, **request: Any) -> AsyncGenerator[Response]:
        """Messages for as long as one asks for them; use it within `aclosing`."""
        call = self.stub.SubscribeEvents(Request(**request), timeout=30)
        try:
            async for message in call:
                yield message
        finally:
            call.cancel()


@asynccontextmanager
async def serving(
    store: Store, url: str, *, checkpoint_seconds: float = 10.0, subscriptions: int = 1000
) -> AsyncIterator[EventClient]:
    """The service over an open store."""
    news = News()
    tail = EventTail(store=store, news=news)
    events = Events(store, news, checkpoint_seconds=checkpoint_seconds)
    await tail.start()
    server = await start_server(
        services=[
            Service(
                add_EventServiceServicer_to_server,
                EventServicer(events, limit=subscription_limit(subscriptions)),
            )
        ],
        access=ACCESS,
        settings=ServerSettings(drain_grace_seconds=2),
        drain=[events.drain],
        close=[tail.close],
    )
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            yield EventClient(server=server, stub=EventServiceStub(channel), events=events)
    finally:
        await server.stop()


class LogWriter:
    """Appends events to the logs of workspaces, by the changes that cause them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def call(self, name: str, function: str, **request: object) -> Any:
        """A function in the partition of `name`'s workspace."""
        return await self._store.call(partition_of(name.partition("/")[0]), function, request)

    async def connect(self, account: str) -> None:
        """ACCOUNT_CONNECTED."""
        settings = {
            "provider": random_id(),
            "display_name": "",
            "strategy": "NEW",
            "campaign_share": 0,
            "pacing": "BURST",
        }
        await self.call(account, "connect_account", account=account, settings=settings)

    async def create(self, enrichment: str, *, account: str) -> None:
        """ENRICHMENT_CREATED."""
        await self.call(
            enrichment,
            "create_enrichment",
            enrichment=enrichment,
            account=account,
            display_name="",
            max_age_ms=30 * DAY_MS,
        )

    async def submit(self, enrichment: str, people: Sequence[str]) -> list[str]:
        """Nothing, as long as nobody is known; the ids of the profiles."""
        profiles = [
            {
                "ids": [person],
                "ask": person,
                "reference": f"ref-{person}",
                "fresh_id": random_id(),
            }
            for person in people
        ]
        answer = await self.call(
            enrichment, "submit_profiles", enrichment=enrichment, profiles=profiles
        )
        return [item["profile"] for item in answer]

    async def withdraw(self, enrichment: str, people: Sequence[str]) -> list[str]:
        """PROFILE_WITHDRAWN of each, then ENRICHMENT_IDLE; the ids of the profiles."""
        profiles = await self.submit(enrichment, people)
        await self.call(enrichment, "withdraw_profiles", enrichment=enrichment, profiles=profiles)
        return profiles

    async def enrich(self, account: str, *, data: dict[str, object], viewer: object) -> None:
        """PROFILE_ENRICHED of the profile that is next in the account's queue."""
        claimed = (await self.call(account, "claim_tick", lease_ms=15_000))["claimed"]
        permit = random_id()
        answer = await self.call(
            account,
            "begin_view",
            account=account,
            token=claimed["token"],
            reservation=permit,
            permit_ms=30_000,
            deadline_ms=10_000,
            spread_ms=0,
        )
        view = answer["view"]
        await self.call(
            account,
            "finish_view",
            account=account,
            token=claimed["token"],
            enrichment=view["enrichment"],
            profile=view["profile"],
            reservation=permit,
            charged=True,
            counts_as_error=False,
            outcome="ENRICHED",
            person={
                "data": data,
                "ids": [view["ask"]],
                "vanity": view["ask"],
                "provider_id": data["provider_id"],
                "viewer": viewer,
                "new_profile": random_id(),
                "ask": view["ask"],
            },
        )
        await self.call(account, "end_tick", account=account, token=claimed["token"])

    def log(self, url: str) -> dict[str, list[str]]:
        """What is in the log at `url` now: event ids by partition, read past the service."""
        ids: dict[str, list[str]] = {}
        with redis.Redis.from_url(url, decode_responses=True) as client:
            for partition in range(PARTITIONS):
                entries = client.execute_command("XRANGE", log_key(partition), "-", "+")
                prefix = f"p{partition:02d}-{self._store.epoch(partition)}-"
                if entries:
                    ids[f"p{partition:02d}"] = [prefix + entry[0] for entry in entries]
        return ids

    async def fill(self, workspace: str, *, accounts: int = 2, people: int = 3) -> None:
        """An account, an enrichment and as many withdrawn people each: `people + 3` events each."""
        for number in range(accounts):
            account, enrichment = f"{workspace}/a{number}", f"{workspace}/e{number}"
            await self.connect(account)
            await self.create(enrichment, account=account)
            await self.withdraw(enrichment, [f"{workspace}-{number}-{i}" for i in range(people)])


def events_of(messages: Sequence[Response]) -> list[Event]:
    """The events in the batches."""
    return [event for message in messages for event in message.batch.events]


def by_partition(events: Iterable[Event]) -> dict[str, list[str]]:
    """Event ids in the order of delivery, by partition: what is promised of their order."""
    ids: dict[str, list[str]] = {}
    for event in events:
        ids.setdefault(event.event_id.partition("-")[0], []).append(event.event_id)
    return ids


def kinds(messages: Sequence[Response]) -> list[str]:
    """What each message is."""
    return [str(message.WhichOneof("message")) for message in messages]


async def next_of(stream: AsyncGenerator[Response], kind: str) -> Response:
    """The next message of that kind; others are passed over."""
    async for message in stream:
        if message.WhichOneof("message") == kind:
            return message
    raise AssertionError(f"the stream ended without {kind}")


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason that callers switch on."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    for detail in status.details:
        if detail.Unpack(info):
            return str(info.reason)
    raise AssertionError("the error has no ErrorInfo")
