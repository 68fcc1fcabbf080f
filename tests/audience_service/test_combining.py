"""Audiences put together of others: against plain sets, in parts, and over gRPC."""

import random

import grpc
import pytest
from audience.v1 import audiences_pb2

from audience_service import combining as combining_module
from audience_service.audiences import NewAudience
from audience_service.combining import Combining, Recipe
from audience_service.deletion import Deletion
from audience_service.enrolment import Enrolled, Enrolment, Position
from audience_service.model import Audience, Membership, Prospect, SetOperation
from audience_service.ports import Transaction
from audience_service.signals import Signals
from audience_service.sql.store import SqlStore
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from servicekit.clock import SteppedClock
from servicekit.errors import ServiceError
from tests.audience_service.calls import PARENT, add, audience_name, create, get, members
from tests.audience_service.conftest import Until

PEOPLE = [f"p{number:07d}" for number in range(40)]


def new(name: str) -> NewAudience:
    return NewAudience(
        workspace="acme", id=name, display_name="", description="", account="", request_id=""
    )


async def fill(sql: SqlStore, audiences: dict[str, list[str]]) -> None:
    """Audiences whose members joined in the given order."""

    async def work(tx: Transaction) -> None:
        await tx.prospects.insert(
            [
                Prospect(
                    workspace="acme", id=each, primary_alias=f"in:{each}", create_ms=1, update_ms=1
                )
                for each in PEOPLE
            ]
        )
        for name, people in audiences.items():
            await tx.audiences.insert(Audience(workspace="acme", id=name, create_ms=1, update_ms=1))
            seq = await tx.audiences.take_seq("acme", len(people) or 1)
            await tx.members.join("acme", name, people, first_seq=seq, now_ms=1)

    await sql.write(["acme"], work)


def expected(operation: SetOperation, sources: list[list[str]]) -> set[str]:
    first, *others = map(set, sources)
    if operation is SetOperation.UNION:
        return first.union(*others)
    if operation is SetOperation.INTERSECTION:
        return first.intersection(*others)
    return first.difference(*others)


async def test_a_deleted_result_is_built_to_its_end_and_deleted_sources_stay_for_it(
    sql: SqlStore, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(combining_module, "_PART", 3)
    await fill(sql, {"first": PEOPLE[:5], "second": PEOPLE[3:9]})
    combining = Combining(store=sql, clock=clock, signals=Signals())
    deletion = Deletion(store=sql, clock=clock, signals=Signals(), retention_ms=1_000)
    recipe = Recipe(operation=SetOperation.UNION, sources=["first", "second"])
    await combining.combine(new("result"), recipe)
    await combining.build_part("acme", "result")
    await deletion.delete("acme", "second", etag="")
    clock.advance_by(1_000)
    assert not await deletion.purge_part("acme", "second")
    await deletion.delete("acme", "result", etag="")
    while await sql.read(lambda tx: tx.builds.unfinished()):
        await combining.build_part("acme", "result")
    back = await deletion.undelete("acme", "result", etag="")
    assert (back.building, back.counters.members) == (False, 9)
    while await deletion.purge_part("acme", "second"):
        pass
    assert await sql.read(lambda tx: tx.audiences.get("acme", "second")) is None


async def test_results_are_those_of_sets_whatever_breaks_off_in_between(
    sql: SqlStore, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(combining_module, "_PART", 3)
    draw = random.Random(7)
    audiences = {f"a{n}": draw.sample(PEOPLE, draw.choice((0, 1, 9, 30))) for n in range(8)}
    await fill(sql, audiences)
    for number in range(24):
        operation = draw.choice(list(SetOperation))
        sources = draw.choices(list(audiences), k=draw.choice((2, 3, 5)))
        name = f"r{number}"
        combining = Combining(store=sql, clock=clock, signals=Signals())
        await combining.combine(new(name), Recipe(operation=operation, sources=sources))
        parts = 0
        while ("acme", name) in await sql.read(lambda tx: tx.builds.unfinished()):
            # Nothing but what is stored is known from one part to the next.
            combining = Combining(store=sql, clock=clock, signals=Signals())
            await combining.build_part("acme", name)
            parts += 1

        async def look(
            tx: Transaction, name: str = name
        ) -> tuple[Audience | None, list[Membership]]:
            page = await tx.members.page("acme", name, after=0, limit=100)
            return await tx.audiences.get("acme", name), page

        built, joined = await sql.read(look)
        assert built is not None
        assert not built.building
        assert {each.prospect for each in joined} == expected(
            operation, [audiences[each] for each in sources]
        )
        assert len(joined) == built.counters.members <= 3 * parts
        assert built.last_seq == (joined[-1].seq if joined else 0)


async def test_an_audience_that_is_not_whole_is_neither_enrolled_nor_combined(
    sql: SqlStore, clock: SteppedClock
) -> None:
    await fill(sql, {"a": PEOPLE[:3], "b": PEOPLE[2:5]})
    combining = Combining(store=sql, clock=clock, signals=Signals())
    recipe = Recipe(operation=SetOperation.UNION, sources=["a", "b"])
    await combining.combine(new("half"), recipe)
    pages = Enrolment(store=sql, signals=Signals()).stream(
        Enrolled(workspace="acme", audiences=["half"]), after=Position(), follow=False
    )
    with pytest.raises(ServiceError) as refused:
        await anext(pages)
    assert refused.value.reason == "AUDIENCE_BUILDING"
    recipe = Recipe(operation=SetOperation.UNION, sources=["a", "half"])
    with pytest.raises(ServiceError) as refused:
        await combining.combine(new("more"), recipe)
    assert refused.value.reason == "AUDIENCE_BUILDING"
    assert await sql.read(lambda tx: tx.audiences.get("acme", "more")) is None
    recipe = Recipe(operation=SetOperation.UNION, sources=["a", "more"])
    with pytest.raises(ServiceError) as refused:
        await combining.combine(new("more"), recipe)
    assert refused.value.reason == "AUDIENCE_NOT_FOUND"
    assert await sql.read(lambda tx: tx.audiences.get("acme", "more")) is None


async def test_a_campaign_without_the_customers(client: AudienceClient, until: Until) -> None:
    leads, customers = await create(client, "leads"), await create(client, "customers")
    ada, bob, carol = await add(client, leads, *(f"linkedin.com/in/{n}-x" for n in "abc"))
    await add(client, customers, "linkedin.com/in/b-x", "linkedin.com/in/d-x")
    request = audiences_pb2.CombineAudiencesRequest(
        parent=PARENT,
        audience_id="campaign",
        audience=audiences_pb2.Audience(display_name="Spring"),
        operation=audiences_pb2.SET_OPERATION_DIFFERENCE,
        sources=[leads, customers],
        request_id="once-only",
    )
    made = (await client.audiences.CombineAudiences(request)).audience
    assert (made.name, made.display_name) == (audience_name("campaign"), "Spring")
    assert made.state == audiences_pb2.AUDIENCE_STATE_BUILDING

    async def ready() -> bool:
        return (await get(client, made.name)).state == audiences_pb2.AUDIENCE_STATE_READY

    await until(ready)
    people = [each.prospect.name for each in await members(client, made.name)]
    assert people == [f"{PARENT}/prospects/{each}" for each in (ada, carol)]
    assert (await get(client, made.name)).progress.members == 2
    assert f"{PARENT}/prospects/{bob}" not in people
    again = (await client.audiences.CombineAudiences(request)).audience
    assert (again.name, again.etag) == (made.name, made.etag)
    request.sources.append(leads)
    with pytest.raises(RpcFailed) as refused:
        await client.audiences.CombineAudiences(request)
    assert refused.value.reason == "REQUEST_ID_REUSED"
    strangers = audiences_pb2.CombineAudiencesRequest(
        parent=PARENT,
        operation=audiences_pb2.SET_OPERATION_UNION,
        sources=[leads, audience_name("nobody")],
    )
    with pytest.raises(RpcFailed) as refused:
        await client.audiences.CombineAudiences(strangers)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
