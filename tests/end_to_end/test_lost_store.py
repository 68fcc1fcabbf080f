"""The store of the enrichment service is emptied in mid-work: everybody learns it and goes on."""

import asyncio
from collections import Counter
from contextlib import aclosing

import grpc
import redis
from audience.v1.audiences_pb2 import MEMBER_STATE_ENRICHED
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_NEW
from enrichment.v1.events_pb2 import START_POSITION_SNAPSHOT, SubscribeEventsRequest

from clients.errors import SnapshotNeeded
from clients.subscription import subscribe
from tests.end_to_end.job import Job

_PEOPLE = 30


async def test_audiences_end_with_the_right_people_all_the_same(job: Job) -> None:
    await job.connect("nora", ACCOUNT_STRATEGY_NEW)
    audience = await job.audience("leads", account="nora")
    await job.add(audience, [f"linkedin.com/in/member-{number}" for number in range(_PEOPLE)])
    learnt = asyncio.create_task(_follow_until_lost(job))
    await job.start(audience)
    await job.enriched(audience, 5)
    with redis.Redis(port=job.store_port) as client:
        client.flushall()
    async with asyncio.timeout(30):
        assert await learnt == "LOG_EPOCH_CHANGED"
    known = {
        member.prospect.name: member.prospect
        for member in await job.members(audience)
        if member.state == MEMBER_STATE_ENRICHED
    }
    # Accounts are the caller's to connect again; nothing else is anybody's to do.
    await _connect_again(job)
    done = await job.done(audience)

    assert done.progress.members == _PEOPLE
    assert done.progress.pending == 0
    members = {member.prospect.name: member for member in await job.members(audience)}
    assert len(members) == _PEOPLE
    ids = {
        member.prospect.provider_id for member in members.values() if member.prospect.provider_id
    }
    assert len(ids) >= done.progress.enriched
    for name, prospect in known.items():
        assert members[name].prospect.provider_id == prospect.provider_id
    # Whose data had come is not viewed for it again; who waited is.
    viewed = Counter(view["identifier"] for view in await job.views() if view["counted"])
    assert len(viewed) == _PEOPLE
    for prospect in known.values():
        assert viewed[prospect.profile_url.rstrip("/").rpartition("/")[2]] == 1


async def _follow_until_lost(job: Job) -> str:
    """Why the log cannot be followed any more."""
    request = SubscribeEventsRequest(start_position=START_POSITION_SNAPSHOT)
    try:
        async with aclosing(subscribe(job.enrichment.events, request)) as messages:
            async for _ in messages:
                pass
    except SnapshotNeeded as error:
        return error.reason
    return "it ended"


async def _connect_again(job: Job) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                return await job.connect("nora", ACCOUNT_STRATEGY_NEW)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.1)
