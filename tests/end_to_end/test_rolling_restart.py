"""Two enrichment servers are restarted one after the other: a subscriber hardly notices."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import grpc
from enrichment.v1.events_pb2 import START_POSITION_EARLIEST, Event, SubscribeEventsRequest
from enrichment.v1.events_pb2_grpc import EventServiceStub

from clients.subscription import subscribe
from enrichment_service.store.store import Store
from tests.enrichment_service.event_service import LogWriter, by_partition
from tests.support.enrichment_processes import EnrichmentProcesses
from tests.support.valkey import free_port

# What resumption may take, beside some times what opening a stream takes on this machine just now.
_SECONDS = 1.0
_OPENINGS = 10


class Follower:
    """A subscriber that is there all the time."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = EventServiceStub(channel)
        self.seen: list[Event] = []
        self.silences: list[float] = []
        """Seconds between the last message of a server and the first of the next."""

    async def next_events(self) -> None:
        """Waits for more than it has now."""
        known = len(self.seen)
        await _until(lambda: len(self.seen) > known)

    async def run(self) -> None:
        request = SubscribeEventsRequest(start_position=START_POSITION_EARLIEST)
        loop = asyncio.get_running_loop()
        last = None
        async with aclosing(subscribe(self._stub, request)) as messages:
            async for message in messages:
                if message.HasField("opened") and last is not None:
                    self.silences.append(loop.time() - last)
                last = loop.time()
                self.seen += message.batch.events


async def test_no_event_is_lost_and_the_stream_goes_on_at_once(
    store: Store, valkey_url: str, tmp_path: Path
) -> None:
    ports = [free_port(), free_port()]
    servers = EnrichmentProcesses(
        store_url=valkey_url, clock=tmp_path / "clock", ENRICHMENT_WORKER="false"
    )
    writer = LogWriter(store)
    for port in ports:
        await servers.start(port)
    targets = ",".join(f"127.0.0.1:{port}" for port in ports)
    async with grpc.aio.insecure_channel(f"ipv4:{targets}") as channel:
        follower, enough = Follower(channel), asyncio.Event()
        following = asyncio.create_task(follower.run())
        writing = asyncio.create_task(_write_until(enough, writer))
        openings: list[float] = []
        try:
            await follower.next_events()
            # Twice, so that it was with each of them when that one went.
            for port in ports * 2:
                assert await servers.stop(port) == 0
                openings.append(await _opening_takes(*(each for each in ports if each != port)))
                await servers.start(port)
                await follower.next_events()
            enough.set()
            await writing
            wanted = writer.log(valkey_url)
            await _until(lambda: by_partition(follower.seen) == wanted)
        finally:
            enough.set()
            following.cancel()
            await asyncio.gather(writing, following, return_exceptions=True)
            await servers.stop_all()
    # Once each, in order: nothing was lost, and nothing had to be sent again.
    assert by_partition(follower.seen) == wanted
    assert follower.silences
    assert max(follower.silences) < _SECONDS + _OPENINGS * max(openings), follower.silences


async def _opening_takes(port: int) -> float:
    """Seconds until a new subscriber of this server is answered."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = EventServiceStub(channel).SubscribeEvents(SubscribeEventsRequest(), timeout=30)
        await stream.read()
        stream.cancel()
    return loop.time() - began


async def _write_until(enough: asyncio.Event, writer: LogWriter) -> None:
    number = 0
    while not enough.is_set():
        for workspace in ("acme", "globex", "initech"):
            await writer.connect(f"{workspace}/a{number}")
        number += 1
        await asyncio.sleep(0.01)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)
