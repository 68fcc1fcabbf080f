"""kill -9 of each process in the middle of the job, which then ends as if nothing had happened."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from audience.v1.audiences_pb2 import MEMBER_STATE_ENRICHED
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_VETERAN
from enrichment.v1.events_pb2 import (
    EVENT_TYPE_PROFILE_CACHED,
    EVENT_TYPE_PROFILE_ENRICHED,
    EVENT_TYPE_PROFILE_FAILED,
    EVENT_TYPE_PROFILE_PARTIAL,
    START_POSITION_EARLIEST,
    Event,
    SubscribeEventsRequest,
)

from clients.subscription import subscribe
from tests.end_to_end.job import SAMPLES, Job, views_a_day
from tests.support.waiting import is_running

_ENDS = {
    EVENT_TYPE_PROFILE_ENRICHED,
    EVENT_TYPE_PROFILE_CACHED,
    EVENT_TYPE_PROFILE_FAILED,
    EVENT_TYPE_PROFILE_PARTIAL,
}


@pytest.mark.parametrize("victim", ["enrichment", "audience", "store", "simulator"])
async def test_a_killed_process_loses_nothing(job: Job, victim: str) -> None:
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    audience = await job.audience("leads", account="vera")
    await job.import_sample(audience, SAMPLES / "sales_navigator_export.csv")
    live: list[Event] = []
    following = asyncio.create_task(_follow(job, live))
    await job.start(audience)

    for views in (20, 120):
        await _until(partial(_viewed, job, views), f"{views} views were made")
        await _until(partial(_is_up, job, victim), f"{victim} is up")
        os.kill(job.stack.pids[victim], signal.SIGKILL)
    done = await job.done(audience)

    progress = done.progress
    assert progress.enriched + progress.cached + progress.partial + progress.failed == 300
    await _check_views(job)

    # Every person once, with data, and every event once, in the log and at a subscriber that was
    # there all the time.
    members = await job.members(audience)
    assert len({member.prospect.name for member in members}) == 300
    enriched = [member for member in members if member.state == MEMBER_STATE_ENRICHED]
    assert len(enriched) == progress.enriched
    assert all(member.prospect.provider_id for member in enriched)
    logged = await job.all_events()
    ends = Counter(event.reference for event in logged if event.type in _ENDS and _is_end(event))
    assert set(ends.values()) == {1}
    assert len(ends) == 300
    wanted = [event.event_id for event in logged]
    await _until(partial(_has_all, live, wanted), "the live subscriber has every event")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    once = list(dict.fromkeys(event.event_id for event in live))
    assert once == wanted


async def _check_views(job: Job) -> None:
    """No day above the cap, and nobody viewed twice but for the view under way at each kill."""
    views = await job.views()
    days = views_a_day(views, "vera")
    first = min(days)
    for day, count in days.items():
        assert count <= (50 if day - first < 7 else 100)
    # Views of people whose names LinkedIn hides are repeated on purpose, up to three times.
    nameless = {
        event.profile_data.provider_id
        for event in await job.all_events()
        if event.type == EVENT_TYPE_PROFILE_PARTIAL
    }
    good = Counter(
        view["person"]
        for view in views
        if view["counted"] and view["status"] == 200 and view["person"] not in nameless
    )
    repeated = [person for person, count in good.items() if count > 1]
    assert len(repeated) <= 2, "each kill may interrupt one view, which is then made again"


def _is_end(event: Event) -> bool:
    return event.type != EVENT_TYPE_PROFILE_PARTIAL or event.final


async def _is_up(job: Job, name: str) -> bool:
    """A process that is being started again has no id, or still the old one."""
    pid = job.stack.pids.get(name)
    return pid is not None and is_running(pid)


async def _viewed(job: Job, wanted: int) -> bool:
    return len(await job.views()) >= wanted


async def _has_all(live: list[Event], wanted: list[str]) -> bool:
    return {event.event_id for event in live} >= set(wanted)


async def _until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    if await condition():
                        return
                except OSError:
                    pass  # The simulator itself is being started again.
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within a minute: {what}") from None


async def _follow(job: Job, live: list[Event]) -> None:
    request = SubscribeEventsRequest(start_position=START_POSITION_EARLIEST)
    async for message in subscribe(job.enrichment.events, request):
        live += message.batch.events
