"""ListAudiences: filters and orders against plain Python, page by page, and mistakes by place."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from audience.v1 import audiences_pb2
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from audience_service.audience_filters import parse_query
from audience_service.audience_query import (
    AudienceField,
    AudienceQuery,
    Comparison,
    Operator,
    Place,
)
from audience_service.audiences import place
from audience_service.model import Audience
from audience_service.ports import Transaction
from audience_service.provenance import fold
from audience_service.sql.audience_lists import list_query
from audience_service.sql.database import Database
from audience_service.sql.store import SqlStore
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from servicekit.errors import ServiceError
from tests.audience_service.calls import PARENT, create

NAMES = ["", "Spring", "SPRING sale", "spring", "Łódź", "łÓDŹ 2", "Autumn", 'A "quoted" one']
BEGINNING = "2026-01-01T00:00:00Z"
BEGINNING_MS = 1_767_225_600_000

Holds = Callable[[Audience], bool]


def parsed(text: str, order_by: str = "", *, show_deleted: bool = False) -> AudienceQuery:
    return parse_query(text, order_by, workspace="acme", show_deleted=show_deleted)


def some_audiences(draw: random.Random) -> list[Audience]:
    found: list[Audience] = []
    for number in range(60):
        at = BEGINNING_MS + draw.randrange(5)
        deleted = at if draw.random() < 0.3 else None
        found.append(
            Audience(
                workspace="acme",
                id=f"a{number:02d}",
                display_name=draw.choice(NAMES),
                account=draw.choice(["", "ada", "bob"]),
                building=draw.random() < 0.3,
                create_ms=at,
                update_ms=BEGINNING_MS + draw.randrange(5),
                delete_ms=deleted,
                purge_ms=deleted,
                labels={key: draw.choice("xy") for key in ("team", "goal") if draw.random() < 0.5},
            )
        )
    return found


FILTERS: dict[str, Holds] = {
    "": lambda _: True,
    'display_name = "spring"': lambda a: fold(a.display_name) == "spring",
    'display_name="SPRING*"': lambda a: fold(a.display_name).startswith("spring"),
    'display_name = "ŁÓ*"': lambda a: fold(a.display_name).startswith("łó"),
    r'display_name = "a \"quoted\" one"': lambda a: "quoted" in a.display_name,
    "account = workspaces/acme/accounts/ada": lambda a: a.account == "ada",
    "state = READY": lambda a: not a.building and a.delete_ms is None,
    "state = BUILDING": lambda a: a.building and a.delete_ms is None,
    "state=DELETED": lambda a: a.delete_ms is not None,
    'labels.team = "x"': lambda a: a.labels.get("team") == "x",
    "labels:goal": lambda a: "goal" in a.labels,
    "labels:goal AND labels.team = y": lambda a: "goal" in a.labels and a.labels.get("team") == "y",
    f'create_time > "{BEGINNING}"': lambda a: a.create_ms > BEGINNING_MS,
    'create_time <= "2026-01-01T01:00:00.002+01:00"': lambda a: a.create_ms <= BEGINNING_MS + 2,
    f'update_time < "2026-01-01T00:00:00.003Z" AND update_time >= "{BEGINNING}"': lambda a: (
        a.update_ms < BEGINNING_MS + 3
    ),
}
ORDERS: dict[str, Callable[[Audience], str | int]] = {
    "": lambda _: "",
    "name": lambda _: "",
    "display_name": lambda a: fold(a.display_name),
    "create_time": lambda a: a.create_ms,
    "update_time": lambda a: a.update_ms,
}


async def test_lists_are_those_of_plain_python_page_by_page(sql: SqlStore) -> None:
    audiences = some_audiences(random.Random(5))

    async def fill(tx: Transaction) -> None:
        for each in audiences:
            await tx.audiences.insert(each)
            if each.id.endswith("7"):
                # What a label was says nothing any more.
                await tx.audiences.set_labels("acme", each.id, {"team": "x"})

    await sql.write(["acme"], fill)
    await sql.write(
        ["other"],
        lambda tx: tx.audiences.insert(
            Audience(workspace="other", id="o", create_ms=1, update_ms=1)
        ),
    )
    audiences = [
        replace(each, labels={"team": "x"}) if each.id.endswith("7") else each for each in audiences
    ]
    for filter_text, holds in FILTERS.items():
        for order, key in ORDERS.items():
            for descending in (False, True):
                for show_deleted in (False, True):
                    query = parsed(
                        filter_text,
                        f"{order or 'name'} desc" if descending else order,
                        show_deleted=show_deleted,
                    )
                    wanted = [
                        each.id
                        for each in sorted(
                            audiences, key=lambda a: (key(a), a.id), reverse=descending
                        )
                        if holds(each) and (show_deleted or each.delete_ms is None)
                    ]
                    assert await listed(sql, query) == wanted, (filter_text, order, descending)


async def listed(sql: SqlStore, query: AudienceQuery) -> list[str]:
    ids: list[str] = []
    after: Place | None = None

    async def read(tx: Transaction) -> list[Audience]:
        return await tx.audiences.page("acme", query, after=after, limit=7)

    while True:
        page = await sql.read(read)
        ids += [each.id for each in page]
        if len(page) < 7:
            return ids
        after = place(page[-1], query)


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("=", 1, "a field"),
        ("  size > 3", 3, "a field"),
        ("name = a", 1, "a field"),
        ("display_name", 13, "an operator"),
        ("display_name spring", 14, "an operator"),
        ("display_name =", 15, "a value"),
        ("display_name = AND", None, ""),
        ("display_name > a", 14, "expected ="),
        ('display_name = "open', 16, "a value"),
        ("display_name.x = a", 1, "no parts"),
        ("state = GONE", 9, "READY, BUILDING, DELETED"),
        ("state = READY OR state = BUILDING", 15, "expected AND"),
        ("state = READY AND", 18, "a comparison"),
        ("(state = READY)", 1, "a field"),
        ("account = workspaces/other/accounts/ada", 11, "workspaces/acme/accounts/"),
        ("labels.team : x", 13, "expected ="),
        ("labels = x", 8, "expected :"),
        ("labels.Team = x", 1, "key of a label"),
        ("labels:Team", 8, "key of a label"),
        ("create_time > yesterday", 15, "its zone"),
        ('create_time > "2026-01-01T00:00:00"', 15, "its zone"),
        (f'create_time = "{BEGINNING}"', 13, "one of <"),
    ],
)
def test_a_mistake_in_a_filter_is_told_by_its_place(text: str, at: int | None, said: str) -> None:
    if at is None:
        parsed(text)
        return
    with pytest.raises(ServiceError) as refused:
        parsed(text)
    assert refused.value.reason == "FILTER_INVALID"
    [violation] = refused.value.violations
    assert violation.field == "filter"
    assert f"at character {at}: " in violation.description
    assert said in violation.description


@pytest.mark.parametrize(
    ("order_by", "at"),
    [("size", 1), ("name asc", 6), ("name,create_time", 1), ("create_time desc name", 18)],
)
def test_a_mistake_in_an_order_is_told_by_its_place(order_by: str, at: int) -> None:
    with pytest.raises(ServiceError, match=f"order_by: at character {at}: ") as refused:
        parsed("", order_by)
    assert refused.value.reason == "ORDER_BY_INVALID"


@given(st.text(st.sampled_from('ab"\\ =<>:.*AND()ł\n'), max_size=30) | st.text(max_size=40))
def test_any_text_is_a_filter_or_refused_with_a_place(text: str) -> None:
    try:
        parsed(text)
    except ServiceError as refused:
        [violation] = refused.violations
        position = int(violation.description.removeprefix("at character ").partition(":")[0])
        assert 1 <= position <= len(text) + 1


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_name_can_be_asked_for(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    [comparison] = parsed(f'display_name = "{quoted}"').conditions
    prefix = name.endswith("*")
    assert comparison == Comparison(
        AudienceField.DISPLAY_NAME,
        Operator.EQUAL,
        name[:-1] if prefix else name,
        prefix=prefix,
    )


@pytest.mark.parametrize(
    ("filter_text", "order_by", "index"),
    [
        ("", "display_name", "audiences_by_display_name"),
        ("", "create_time desc", "audiences_by_create_ms"),
        ("", "update_time", "audiences_by_update_ms"),
        ('display_name = "a*"', "display_name", "audiences_by_display_name"),
        ("account = workspaces/acme/accounts/ada", "name", "audiences_by_account"),
    ],
)
async def test_a_list_uses_its_index(
    database: Database, filter_text: str, order_by: str, index: str
) -> None:
    query = parsed(filter_text, order_by)
    after = place(Audience(workspace="acme", id="a", create_ms=1, update_ms=1), query)
    statement = list_query("acme", query, after=after, limit=5)
    embedded = database.engine.dialect.name == "sqlite"
    wanted = statement.compile(database.engine.sync_engine, compile_kwargs={"literal_binds": True})
    async with database.engine.connect() as connection:
        if not embedded:
            # An empty table is cheaper to read whole, or by any index.
            for way in ("seqscan", "sort", "bitmapscan"):
                await connection.execute(text(f"SET enable_{way} = off"))
        found = await connection.exec_driver_sql(
            f"EXPLAIN {'QUERY PLAN' if embedded else ''} {wanted}"
        )
        plan = "\n".join(str(row) for row in found)
    assert index in plan
    assert "b-tree" not in plan.lower()


async def test_lists_over_grpc_go_on_by_the_same_request_only(client: AudienceClient) -> None:
    for name in ("first", "second", "third"):
        await create(client, name, account="")
    for name in ("first", "third"):
        await client.audiences.UpdateAudience(
            audiences_pb2.UpdateAudienceRequest(
                audience=audiences_pb2.Audience(
                    name=f"{PARENT}/audiences/{name}", labels={"team": "sales"}
                )
            )
        )
    request = audiences_pb2.ListAudiencesRequest(
        parent=PARENT, filter="labels.team = sales", order_by="name desc", page_size=1
    )
    page = await client.audiences.ListAudiences(request)
    assert [each.name for each in page.audiences] == [f"{PARENT}/audiences/third"]
    request.page_token = page.next_page_token
    page = await client.audiences.ListAudiences(request)
    assert [each.name for each in page.audiences] == [f"{PARENT}/audiences/first"]
    assert not page.next_page_token
    request.filter = ""
    with pytest.raises(RpcFailed) as refused:
        await client.audiences.ListAudiences(request)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"
    request.filter = "labels.team ="
    with pytest.raises(RpcFailed) as refused:
        await client.audiences.ListAudiences(request)
    assert refused.value.reason == "FILTER_INVALID"
    assert [each.field for each in refused.value.field_violations] == ["filter"]
