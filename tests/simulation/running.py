"""Runs a plan from its start to the end of all work, and looks up what happened."""

import asyncio
from contextlib import aclosing
from pathlib import Path

from enrichment.v1 import enrichments_pb2 as pb
from enrichment.v1.events_pb2 import (
    EVENT_VIEW_FULL,
    START_POSITION_EARLIEST,
    START_POSITION_SNAPSHOT,
    Event,
    ListEventsRequest,
    SubscribeEventsRequest,
)

from clients.subscription import subscribe
from tests.simulation.deeds import Deeds, enrichment_name
from tests.simulation.history import History
from tests.simulation.plan import DAY_MS, HOUR_MS, Deed, Plan
from tests.simulation.world import World, a_world

_EXTRA_DAYS = 60
"""After the last deed: for what is still pending then."""
_COUNTS = (*("total", "pending", "enriched", "cached", "partial", "failed", "withdrawn", "erased"),)


async def run(plan: Plan, *, folder: Path, processes: bool = False) -> History:
    """The history of a whole simulation."""
    async with a_world(plan, folder=folder, processes=processes) as world:
        follower = asyncio.create_task(_follow(world))
        deeds = Deeds(world)
        await deeds.prepare()
        ahead = plan.in_order()
        # What is submitted and foretold at the very start is so before anybody works.
        start = [deed for deed in ahead if deed.at_ms == 0]
        for deed in start:
            await getattr(deeds, deed.what)(*deed.about)
        await asyncio.gather(*(worker.start() for worker in world.workers))
        await _live(world, deeds, ahead[len(start) :])
        await _end(world, deeds)
        await _look_up(world, follower)
        return world.history


async def _live(world: World, deeds: Deeds, ahead: list[Deed]) -> None:
    start_ms = world.history.start_ms
    while ahead:
        due = await world.quiet()
        deed = ahead[0]
        at_ms = start_ms + deed.at_ms
        if deed.amid and due is not None and at_ms <= due < at_ms + HOUR_MS:
            at_ms = due
        if due is not None and due < at_ms:
            world.step(due)
            continue
        ahead.pop(0)
        world.step(max(at_ms, world.now_ms))
        doing = getattr(deeds, deed.what)(*deed.about)
        if deed.amid:
            world.do(doing)
        else:
            await doing


async def _end(world: World, deeds: Deeds) -> None:
    """Nothing goes wrong any more, and all that is pending comes to its end."""
    for link in (world.front, *(worker.link for worker in world.workers)):
        link.mend()
    await world.finish()
    await world.quiet()
    await world.sim.call("DELETE", "/_sim/faults")
    for enrichment in world.plan.enrichments:
        await deeds.resume(enrichment)
    for _ in range(_EXTRA_DAYS):
        await deeds.see_to_accounts()
        await world.reach(world.now_ms + DAY_MS)
        await _read_progress(world)
        if not any(progress["pending"] for progress in world.history.progress.values()):
            return
    raise AssertionError(f"never done: {world.history.progress}")


async def _read_progress(world: World) -> None:
    for enrichment in world.plan.enrichments:
        answer = await world.client.enrichments.GetEnrichment(
            pb.GetEnrichmentRequest(name=enrichment_name(enrichment))
        )
        progress = answer.enrichment.progress
        world.history.progress[enrichment.id] = {name: getattr(progress, name) for name in _COUNTS}


async def _follow(world: World) -> None:
    """A subscriber of the whole log, who begins anew from the cursor now and then."""
    request = SubscribeEventsRequest(start_position=START_POSITION_EARLIEST, view=EVENT_VIEW_FULL)
    cursor: str | None = None
    while True:
        messages = subscribe(world.client.events, request, cursor=cursor)
        count = 0
        async for message in messages:
            world.history.followed += message.batch.events
            cursor, count = message.cursor, count + 1
            if world.plan.faulty and count == 100:
                break
        await messages.aclose()


async def _look_up(world: World, follower: "asyncio.Task[None]") -> None:
    history = world.history
    while True:
        after = len(history.views)
        page = await world.sim.call("GET", f"/_sim/views?after={after}&limit=10000")
        history.views += page.json["views"]
        if len(history.views) == page.json["last"]:
            break
    history.events = await _all_events(world)
    wanted = {event.event_id for event in history.events}
    async with asyncio.timeout(20):
        while not wanted <= {event.event_id for event in history.followed}:
            assert not follower.done(), follower
            await asyncio.sleep(0.05)
    follower.cancel()
    await asyncio.gather(follower, return_exceptions=True)
    history.states = await _snapshot(world)
    history.read_books(world.redis)


async def _all_events(world: World) -> list[Event]:
    events: list[Event] = []
    token = ""
    while True:
        page = await world.client.events.ListEvents(
            ListEventsRequest(view=EVENT_VIEW_FULL, page_size=1000, page_token=token)
        )
        if not page.events:
            return events
        events += page.events
        token = page.next_page_token


async def _snapshot(world: World) -> list[Event]:
    states: list[Event] = []
    request = SubscribeEventsRequest(
        start_position=START_POSITION_SNAPSHOT, stop_when_caught_up=True
    )
    async with aclosing(subscribe(world.client.events, request)) as messages:
        async for message in messages:
            states += message.batch.events
            if message.HasField("snapshot_end"):
                break
    return states
