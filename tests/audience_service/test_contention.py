"""Imports, links, merges, removals and suppressions at the same time, on one workspace."""

import asyncio
import random
from collections import Counter
from contextlib import aclosing

import pytest
from audience.v1 import audiences_pb2, prospects_pb2, suppressions_pb2

from audience_service import import_runner, submitting
from clients.audience import AudienceClient
from clients.subscription import stream_prospects
from tests.audience_service.calls import (
    PARENT,
    add,
    create,
    get,
    import_bytes,
    members,
    start_enrichment,
)
from tests.audience_service.conftest import Until
from tests.audience_service.crowd import Revealing, csv_of, spellings
from tests.audience_service.enrichment_stub import EnrichmentStub

SEED = 20_260_105
IMPORTED = range(40)
"""Named by files, in any spelling."""
PASSING = range(40, 50)
"""Added to the second audience and removed from it; named by the first audience's files, too."""
SUPPRESSED = range(50, 60)
"""Named by files, and suppressed meanwhile."""
ROWS = 90


class Follower:
    """Who is in an audience, as somebody knows who follows it from its beginning."""

    def __init__(self) -> None:
        self.people: set[str] = set()

    async def run(self, client: AudienceClient, audience: str) -> None:
        request = audiences_pb2.StreamProspectsRequest(audiences=[audience], follow=True)
        async with aclosing(stream_prospects(client.audiences, request)) as messages:
            async for message in messages:
                self.people -= {each.prospect for each in message.departures}
                self.people |= {each.prospect.name for each in message.members}


async def come_and_go(client: AudienceClient, audience: str, draw: random.Random) -> None:
    """Add people in any spelling, and take them out by the name that they had then."""
    people = draw.sample(PASSING, len(PASSING))
    names = [await add(client, audience, draw.choice(spellings(person))) for person in people]
    for [prospect] in names:
        await client.audiences.RemoveProspects(
            audiences_pb2.RemoveProspectsRequest(
                audience=audience, prospects=[f"{PARENT}/prospects/{prospect}"]
            )
        )


async def suppress(client: AudienceClient, draw: random.Random) -> None:
    for person in draw.sample(SUPPRESSED, len(SUPPRESSED)):
        await client.suppressions.SuppressProspects(
            suppressions_pb2.SuppressProspectsRequest(parent=PARENT, profile_urls=spellings(person))
        )
        await asyncio.sleep(0)


async def check_receipt(client: AudienceClient, receipt: audiences_pb2.ImportReceipt) -> None:
    """Every row of the file has one class, and the counts are those of the rows."""
    page = await client.audiences.GetImportReceipt(
        audiences_pb2.GetImportReceiptRequest(
            audience=receipt.audience,
            request_id=receipt.request_id,
            row_classes=[each for each in audiences_pb2.RowClass.values() if each],
            page_size=1000,
        )
    )
    assert page.receipt == receipt
    assert [each.row for each in page.rows] == list(range(2, ROWS + 4))
    classes = Counter(audiences_pb2.RowClass.Name(each.row_class) for each in page.rows)
    told = {
        f"ROW_CLASS_{name.upper()}": getattr(receipt, name)
        for name in (
            *("added", "already_there", "merged", "no_profile"),
            *("suppressed", "erased", "rejected"),
        )
    }
    assert classes == {name: count for name, count in told.items() if count}
    assert (receipt.rows, receipt.no_profile, receipt.rejected) == (ROWS + 2, 1, 1)


async def streamed(client: AudienceClient, audience: str) -> set[str]:
    request = audiences_pb2.StreamProspectsRequest(audiences=[audience])
    found = [
        member.prospect.name
        async for message in client.audiences.StreamProspects(request)
        for member in message.members
    ]
    assert len(found) == len(set(found))
    return set(found)


async def everybody(client: AudienceClient) -> list[prospects_pb2.Prospect]:
    answer = await client.prospects.ListProspects(
        prospects_pb2.ListProspectsRequest(parent=PARENT, page_size=1000)
    )
    assert not answer.next_page_token
    return list(answer.prospects)


def persons(listed: list[audiences_pb2.Member]) -> Counter[str]:
    return Counter(each.prospect.member_id for each in listed)


def ids(people: set[int]) -> set[str]:
    return {str(1_000 + person) for person in people}


async def test_whatever_happens_at_once_everybody_is_there_once(
    client: AudienceClient,
    enrichment: EnrichmentStub,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_runner, "_BATCH_ROWS", 15)
    monkeypatch.setattr(submitting, "_PAGE", 7)
    draw = random.Random(SEED)
    first, second = await create(client, "first"), await create(client, "second")
    followers = {first: Follower(), second: Follower()}
    named: dict[str, set[int]] = {first: set(), second: set()}
    async with asyncio.TaskGroup() as background:
        running = [background.create_task(Revealing(enrichment).run())]
        running += [
            background.create_task(follower.run(client, audience))
            for audience, follower in followers.items()
        ]
        await start_enrichment(client, first)
        await start_enrichment(client, second)
        async with asyncio.TaskGroup() as group:
            imports = []
            for number in range(4):
                audience = (first, second)[number % 2]
                crowd = [*IMPORTED, *SUPPRESSED, *(PASSING if audience == first else ())]
                data, found = csv_of(draw, crowd, rows=ROWS)
                named[audience] |= found
                imports.append(
                    group.create_task(
                        import_bytes(
                            client, data, audience=audience, request_id=f"import-{number:04}"
                        )
                    )
                )
            group.create_task(come_and_go(client, second, random.Random(SEED + 1)))
            group.create_task(suppress(client, random.Random(SEED + 2)))

        async def linked() -> bool:
            progress = [(await get(client, each)).progress for each in named]
            listed = [each for audience in named for each in await members(client, audience)]
            waiting = [
                each
                for each in listed
                if not each.prospect.suppressed and not each.prospect.member_id
            ]
            return not waiting and all(each.members for each in progress)

        await until(linked)
        for each in imports:
            await check_receipt(client, each.result())
        for audience, people in named.items():
            listed = await members(client, audience)
            # Each person once, and nobody but those of the files.
            wanted = ids(people - set(SUPPRESSED))
            kept = [each for each in listed if not each.prospect.suppressed]
            assert persons(kept) == Counter(wanted)
            progress = (await get(client, audience)).progress
            states = Counter(each.state for each in listed)
            assert progress.members == len(listed)
            assert progress.enriched == states[audiences_pb2.MEMBER_STATE_ENRICHED]
            assert progress.pending == states[audiences_pb2.MEMBER_STATE_PENDING]
            enrolled = {each.prospect.name for each in kept}
            assert await streamed(client, audience) == enrolled
            follower = followers[audience]

            async def in_step(follower: Follower = follower, enrolled: set[str] = enrolled) -> bool:
                return follower.people == enrolled

            await until(in_step)
        # When nobody is suppressed any more, all spellings of all people lead to one prospect each.
        await client.suppressions.UnsuppressProspects(
            suppressions_pb2.UnsuppressProspectsRequest(
                parent=PARENT,
                profile_urls=[url for person in SUPPRESSED for url in spellings(person)],
            )
        )
        third = await create(client, "third")
        crowd = [*IMPORTED, *PASSING, *SUPPRESSED]
        await start_enrichment(client, third)
        await add(client, third, *(url for person in crowd for url in spellings(person)))

        async def one_each() -> bool:
            return len(await everybody(client)) == len(crowd)

        await until(one_each)
        assert persons(await members(client, third)) == Counter(ids(set(crowd)))
        for person in crowd:
            assert len(set(await add(client, third, *spellings(person)))) == 1
        for task in running:
            task.cancel()
