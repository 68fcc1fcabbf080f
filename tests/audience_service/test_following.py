"""StreamProspects with follow tells what changes, once it has listed who is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import grpc
import pytest
from audience.v1 import audiences_pb2, prospects_pb2, suppressions_pb2
from enrichment.v1 import profiles_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from audience_service import enrolment
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from tests.audience_service.calls import PARENT, add, create, get, start_enrichment
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub
from tests.audience_service.service_process import ServiceProcess

ENRICHMENT = f"{PARENT}/enrichments/leads"


_Call: TypeAlias = (
    "grpc.aio.UnaryStreamCall[audiences_pb2.StreamProspectsRequest, "
    "audiences_pb2.StreamProspectsResponse]"
)


class Follower:
    """What a campaign engine that follows audiences knows."""

    def __init__(
        self,
        call: _Call,
    ) -> None:
        self._call = call
        self.cursor = ""
        self.members: dict[str, audiences_pb2.Member] = {}
        self.left: list[tuple[str, int, str]] = []

    async def until_left(self, count: int) -> list[tuple[str, int, str]]:
        while len(self.left) < count:
            await self.read()
        return self.left

    async def until_members(self, *people: str) -> None:
        while set(self.members) != set(people):
            await self.read()

    async def read(self) -> None:
        message = await self._call.read()
        assert isinstance(message, audiences_pb2.StreamProspectsResponse)
        self.cursor = message.cursor
        for each in message.departures:
            prospect = each.prospect.rpartition("/")[2]
            self.left.append((prospect, each.reason, each.merged_into.rpartition("/")[2]))
            self.members.pop(prospect, None)
        for member in message.members:
            self.members[member.prospect.name.rpartition("/")[2]] = member


@asynccontextmanager
async def following(
    client: AudienceClient, *audiences: str, cursor: str = "", without: str = ""
) -> AsyncIterator[Follower]:
    call = client.audiences.StreamProspects(
        audiences_pb2.StreamProspectsRequest(
            audiences=audiences,
            excluded_audiences=[without] if without else [],
            follow=True,
            after_cursor=cursor,
        ),
        timeout=30,
    )
    try:
        yield Follower(call)
    finally:
        call.cancel()


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrolment, "_PAGE", 2)


async def remove(client: AudienceClient, audience: str, prospect: str) -> None:
    await client.audiences.RemoveProspects(
        audiences_pb2.RemoveProspectsRequest(
            audience=audience, prospects=[f"{PARENT}/prospects/{prospect}"]
        )
    )


async def test_who_joins_changes_and_leaves_is_told(client: AudienceClient) -> None:
    audience = await create(client)
    ada, bob = await add(client, audience, "linkedin.com/in/ada-x", "linkedin.com/in/bob-x")
    async with following(client, audience) as follower:
        await follower.until_members(ada, bob)
        [carol, dave] = await add(
            client, audience, "linkedin.com/in/carol-x", "linkedin.com/in/dave-x"
        )
        await follower.until_members(ada, bob, carol, dave)
        await client.prospects.UpdateProspect(
            prospects_pb2.UpdateProspectRequest(
                prospect=prospects_pb2.Prospect(name=f"{PARENT}/prospects/{ada}", company="AE"),
                update_mask=FieldMask(paths=["company"]),
            )
        )
        while follower.members[ada].prospect.company != "AE":
            await follower.read()
        await remove(client, audience, bob)
        await client.suppressions.SuppressProspects(
            suppressions_pb2.SuppressProspectsRequest(
                parent=PARENT, profile_urls=["linkedin.com/in/carol-x"]
            )
        )
        await client.prospects.EraseProspect(
            prospects_pb2.EraseProspectRequest(name=f"{PARENT}/prospects/{dave}")
        )
        assert await follower.until_left(3) == [
            (bob, audiences_pb2.DEPARTURE_REASON_REMOVED, ""),
            (carol, audiences_pb2.DEPARTURE_REASON_SUPPRESSED, ""),
            (dave, audiences_pb2.DEPARTURE_REASON_ERASED, ""),
        ]
        await client.suppressions.UnsuppressProspects(
            suppressions_pb2.UnsuppressProspectsRequest(
                parent=PARENT, profile_urls=["linkedin.com/in/carol-x"]
            )
        )
        await follower.until_members(ada, carol)


async def test_a_cursor_resumes_with_what_was_missed(client: AudienceClient) -> None:
    audience = await create(client)
    ada, bob = await add(client, audience, "linkedin.com/in/ada-x", "linkedin.com/in/bob-x")
    # The cursor of a stream that did not follow serves as well.
    listing = client.audiences.StreamProspects(
        audiences_pb2.StreamProspectsRequest(audiences=[audience])
    )
    cursor = [page.cursor async for page in listing][-1]
    await remove(client, audience, bob)
    await remove(client, audience, ada)
    [again] = await add(client, audience, "linkedin.com/in/ada-x")
    assert again == ada
    async with following(client, audience, cursor=cursor) as follower:
        await follower.until_members(ada)
        await follower.until_left(1)
        assert follower.left == [(bob, audiences_pb2.DEPARTURE_REASON_REMOVED, "")]
        later = follower.cursor
    [carol] = await add(client, audience, "linkedin.com/in/carol-x")
    async with following(client, audience, cursor=later) as follower:
        await follower.until_members(carol)
        assert follower.left == []


async def test_who_stays_in_another_of_the_audiences_has_not_left(client: AudienceClient) -> None:
    first, second = await create(client, "first"), await create(client, "second")
    [ada] = await add(client, first, "linkedin.com/in/ada-x")
    await add(client, second, "linkedin.com/in/ada-x")
    async with following(client, first, second) as follower:
        await follower.until_members(ada)
        await remove(client, first, ada)
        [bob] = await add(client, second, "linkedin.com/in/bob-x")
        while bob not in follower.members:
            await follower.read()
        assert follower.left == []
        await remove(client, second, ada)
        assert await follower.until_left(1) == [(ada, audiences_pb2.DEPARTURE_REASON_REMOVED, "")]


async def test_who_joins_an_excluded_audience_leaves_and_who_leaves_it_comes(
    client: AudienceClient,
) -> None:
    leads, customers = await create(client), await create(client, "customers")
    urls = [f"linkedin.com/in/{each}-x" for each in ("ada", "bob", "carol", "dave", "eve")]
    ada, bob, carol, dave, eve = await add(client, leads, *urls)
    await add(client, customers, urls[0])
    async with following(client, leads, without=customers) as follower:
        await follower.until_members(bob, carol, dave, eve)
        await add(client, customers, "linkedin.com/in/nobody-x", *urls[1:4])
        assert await follower.until_left(3) == [
            (each, audiences_pb2.DEPARTURE_REASON_EXCLUDED, "") for each in (bob, carol, dave)
        ]
        await remove(client, customers, ada)
        await remove(client, customers, carol)
        await follower.until_members(ada, carol, eve)


async def test_who_turns_out_to_be_in_an_excluded_audience_leaves(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience, customers = await create(client), await create(client, "customers")
    urls = ["linkedin.com/in/ada-x", "linkedin.com/in/countess-x"]
    # Of two who came together the one with the lower id survives.
    ada, countess = sorted(await add(client, audience, *urls))
    await client.audiences.AddProspects(
        audiences_pb2.AddProspectsRequest(
            audience=customers, prospects=[f"{PARENT}/prospects/{countess}"]
        )
    )
    await start_enrichment(client, audience)

    async def pending() -> bool:
        return (await get(client, audience)).progress.pending == 2

    await until(pending)
    async with following(client, audience, without=customers) as follower:
        await follower.until_members(ada)
        for each in (ada, countess):
            enrichment.emit(
                enrichment=ENRICHMENT,
                prospect=each,
                data=profiles_pb2.Profile(member_id="117649604", first_name="Ada"),
            )
        while (ada, audiences_pb2.DEPARTURE_REASON_EXCLUDED, "") not in follower.left:
            await follower.read()
        assert not follower.members


async def test_enriched_and_merged_people_are_told(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = await create(client)
    people = await add(client, audience, "linkedin.com/in/ada-x", "linkedin.com/in/countess-x")
    await start_enrichment(client, audience)

    async def pending() -> bool:
        return (await get(client, audience)).progress.pending == 2

    await until(pending)
    async with following(client, audience) as follower:
        await follower.until_members(*people)
        for each in people:
            enrichment.emit(
                enrichment=ENRICHMENT,
                prospect=each,
                data=profiles_pb2.Profile(member_id="117649604", first_name="Ada"),
            )
        [(gone, reason, survivor)] = await follower.until_left(1)
        assert reason == audiences_pb2.DEPARTURE_REASON_MERGED
        assert {gone, survivor} == set(people)
        await follower.until_members(survivor)
        while follower.members[survivor].state != audiences_pb2.MEMBER_STATE_ENRICHED:
            await follower.read()
        assert follower.members[survivor].prospect.first_name == "Ada"


async def test_a_deleted_audience_ends_the_stream(client: AudienceClient) -> None:
    audience = await create(client)
    [ada] = await add(client, audience, "linkedin.com/in/ada-x")
    async with following(client, audience) as follower:
        await follower.until_members(ada)
        await client.audiences.DeleteAudience(audiences_pb2.DeleteAudienceRequest(name=audience))
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await follower.read()
        assert ended.value.code() is grpc.StatusCode.NOT_FOUND


async def test_many_changes_come_page_by_page_and_none_is_missed(client: AudienceClient) -> None:
    audience = await create(client)
    people = await add(client, audience, *(f"linkedin.com/in/person-{n}" for n in range(11)))
    async with following(client, audience) as follower:
        await follower.until_members(*people)
        cursor = follower.cursor
    for each in people[:5]:
        await client.prospects.UpdateProspect(
            prospects_pb2.UpdateProspectRequest(
                prospect=prospects_pb2.Prospect(name=f"{PARENT}/prospects/{each}", title="CTO")
            )
        )
        await remove(client, audience, people[10 - people.index(each)])
    async with following(client, audience, cursor=cursor) as follower:
        await follower.until_members(*people[:5])
        assert {each.prospect.title for each in follower.members.values()} == {"CTO"}
        left = [prospect for prospect, _, _ in await follower.until_left(5)]
        assert left == people[:5:-1]


async def test_a_server_that_stops_sends_its_followers_away(database_url: str) -> None:
    with ServiceProcess(database_url) as service:
        async with AudienceClient(service.address) as client:
            audience = await create(client)
            [ada] = await add(client, audience, "linkedin.com/in/ada-x")
            async with following(client, audience) as follower:
                await follower.until_members(ada)
                service.process.terminate()
                with pytest.raises(grpc.aio.AioRpcError) as ended:
                    await follower.read()
                assert RpcFailed(ended.value).reason == "SERVER_DRAINING"
        assert service.terminate() == 0
