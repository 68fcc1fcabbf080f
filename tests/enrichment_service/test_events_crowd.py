"""Many subscribers of different filters and speeds, some of whom stop reading."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from enrichment.v1.events_pb2 import (
    EVENT_TYPE_ENRICHMENT_IDLE,
    EVENT_VIEW_BASIC,
    EventFilter,
)
from enrichment.v1.events_pb2_grpc import EventServiceStub

from enrichment_service import event_log, event_pages
from enrichment_service.event_pages import LoggedEvent
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.enrichment_service.event_service import (
    EARLIEST,
    Event,
    EventClient,
    LogWriter,
    Request,
    Response,
    by_partition,
    serving,
)

LIVELY, STALLED, CHANNELS = 190, 10, 5
WORKSPACES = ("acme", "globex")
PAGE, PAGES_KEPT = 64, 4
PEOPLE, ROUNDS = 250, 6
MINUTE_MS = 60_000
# So that who stops reading stops the server soon, and not only after megabytes.
SMALL_BUFFERS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 65_536),
]
REQUESTS: list[dict[str, Any]] = [
    {},
    {"view": EVENT_VIEW_BASIC},
    {"filter": EventFilter(workspaces=["workspaces/acme"])},
    {"filter": EventFilter(accounts=["workspaces/globex/accounts/a0"])},
    {"filter": EventFilter(types=[EVENT_TYPE_ENRICHMENT_IDLE])},
]


@pytest.fixture
async def client(
    store: Store, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[EventClient]:
    """The service, whose readers share small pages."""
    monkeypatch.setattr(event_log, "PAGE", PAGE)
    monkeypatch.setattr(event_pages, "_PAGES_KEPT", PAGES_KEPT)
    async with serving(store, valkey_url) as client:
        yield client


@pytest.fixture
async def stubs(client: EventClient) -> AsyncIterator[list[EventServiceStub]]:
    """The same service over a few connections."""
    async with AsyncExitStack() as stack:
        stubs = []
        for _ in range(CHANNELS):
            channel = grpc.aio.insecure_channel(client.server.address, options=SMALL_BUFFERS)
            stubs.append(EventServiceStub(await stack.enter_async_context(channel)))
        yield stubs


class Reader:
    """Reads on and on; `pause` between messages makes it slow."""

    def __init__(self, stub: EventServiceStub, *, pause: float = 0.0, **request: Any) -> None:
        self.call = stub.SubscribeEvents(Request(**request))
        self.seen: list[Event] = []
        self._pause = pause
        self._news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Returns when the server listens for it; nothing more is read before `start`."""
        await self.call.read()

    def start(self) -> None:
        self._reading = asyncio.create_task(self._read())

    async def until(self, count: int) -> list[Event]:
        """What it got, once there are so many events."""
        while len(self.seen) < count:
            assert self._reading is not None
            assert not self._reading.done(), self._reading
            self._news.clear()
            await self._news.wait()
        return self.seen

    async def close(self) -> None:
        self.call.cancel()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while isinstance(message := await self.call.read(), Response):
                self.seen += message.batch.events
                self._news.set()
                await asyncio.sleep(self._pause)
        finally:
            self._news.set()


@pytest.mark.timeout(180)
async def test_the_stalled_hold_up_nobody_and_cost_next_to_nothing(
    store: Store,
    valkey_url: str,
    clock: SteppedClock,
    client: EventClient,
    stubs: list[EventServiceStub],
) -> None:
    writer = LogWriter(store)
    for workspace in WORKSPACES:
        await writer.fill(workspace, accounts=1, people=0)
    stalled = [
        Reader(stubs[number % CHANNELS], start_position=EARLIEST) for number in range(STALLED)
    ]
    readers = [
        Reader(
            stubs[number % CHANNELS],
            pause=0.02 if number % 10 == 9 else 0.0,
            **REQUESTS[number % len(REQUESTS)],
        )
        for number in range(LIVELY)
    ]
    try:
        for reader in (*stalled, *readers):
            await reader.join()
        for reader in readers:
            reader.start()
        for round_number in range(1, ROUNDS + 1):
            clock.advance_by(MINUTE_MS)
            for workspace in WORKSPACES:
                people = [f"{workspace}-{round_number}-{i}" for i in range(PEOPLE)]
                await writer.withdraw(f"{workspace}/e0", people)
            # Of each workspace the people, and that nothing is pending any more.
            counts = [2 * (PEOPLE + 1)] * 2 + [PEOPLE + 1] * 2 + [2]
            async with asyncio.timeout(60):
                await asyncio.gather(
                    *(
                        reader.until(round_number * counts[number % len(counts)])
                        for number, reader in enumerate(readers)
                    )
                )
        # The log waits for the stalled ones; nothing is queued in front of them.
        lags = [lag for _, lag in client.events.lags(clock.now_ms()) if lag]
        assert len(lags) == STALLED
        assert min(lags) >= MINUTE_MS
        # They hold a page each at most, and so do those who are slow.
        held = sum(isinstance(each, LoggedEvent) for each in gc.get_objects())
        assert held <= (PAGES_KEPT + STALLED + LIVELY // 10) * PAGE
        for reader in stalled:
            reader.start()
        whole = 2 * len(WORKSPACES) + ROUNDS * 2 * (PEOPLE + 1)
        async with asyncio.timeout(60):
            seen = await asyncio.gather(*(reader.until(whole) for reader in stalled))
    finally:
        for reader in (*stalled, *readers):
            await reader.close()
    log = writer.log(valkey_url)
    assert all(by_partition(events) == log for events in seen)
