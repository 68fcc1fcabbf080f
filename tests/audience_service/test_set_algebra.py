"""CombineAudiences against plain Python sets: hypothesis draws sources and operations."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience_service import combining as combining_module
from audience_service.audiences import NewAudience
from audience_service.combining import Combining, Recipe
from audience_service.model import Audience, Membership, Prospect, SetOperation
from audience_service.person_keys import PersonKeys
from audience_service.ports import Transaction
from audience_service.signals import Signals
from audience_service.sql.database import Database
from audience_service.sql.migrate import migrate
from audience_service.sql.store import SqlStore
from servicekit.clock import SystemClock

_PEOPLE = st.lists(st.sampled_from([f"p{number:07d}" for number in range(8)]), unique=True)
_SOURCES = st.lists(_PEOPLE, min_size=1, max_size=4)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database for all examples; each has a workspace of its own."""
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('sets') / 'audience.db'}"

    async def make() -> None:
        database = Database(url)
        await migrate(database)
        await database.close()

    asyncio.run(make())
    return url


def plain(operation: SetOperation, sources: list[list[str]]) -> set[str]:
    first, *others = map(set, sources)
    if operation is SetOperation.UNION:
        return first.union(*others)
    if operation is SetOperation.INTERSECTION:
        return first.intersection(*others)
    return first.difference(*others)


async def combined(
    url: str, sources: list[list[str]], operation: SetOperation, order: list[int]
) -> tuple[Audience | None, list[Membership]]:
    """What the database makes of it, in parts of three members."""
    workspace = f"w{next(_numbers)}"
    database = Database(url)
    store = SqlStore(database, keys=PersonKeys(b"a secret of the tests"))

    async def fill(tx: Transaction) -> None:
        await tx.prospects.insert(
            [
                Prospect(workspace=workspace, id=each, primary_alias=each, create_ms=1, update_ms=1)
                for each in sorted({person for people in sources for person in people})
            ]
        )
        for number, people in enumerate(sources):
            source = Audience(workspace=workspace, id=f"s{number}", create_ms=1, update_ms=1)
            await tx.audiences.insert(source)
            seq = await tx.audiences.take_seq(workspace, len(people) or 1)
            await tx.members.join(workspace, source.id, people, first_seq=seq, now_ms=1)

    await store.write([workspace], fill)
    combining = Combining(store=store, clock=SystemClock(), signals=Signals())
    new = NewAudience(
        workspace=workspace, id="r", display_name="", description="", account="", request_id=""
    )
    recipe = Recipe(operation=operation, sources=[f"s{number}" for number in order])
    await combining.combine(new, recipe)
    while (workspace, "r") in await store.read(lambda tx: tx.builds.unfinished()):
        await combining.build_part(workspace, "r")

    async def look(tx: Transaction) -> tuple[Audience | None, list[Membership]]:
        members = await tx.members.page(workspace, "r", after=0, limit=100)
        return await tx.audiences.get(workspace, "r"), members

    found = await store.read(look)
    await database.close()
    return found


@settings(max_examples=40)
@given(sources=_SOURCES, operation=st.sampled_from(SetOperation), data=st.data())
def test_the_database_agrees_with_plain_sets(
    url: str, sources: list[list[str]], operation: SetOperation, data: st.DataObject
) -> None:
    numbers = st.integers(0, len(sources) - 1)
    order = data.draw(st.lists(numbers, min_size=2, max_size=5), label="order")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(combining_module, "_PART", 3)
        audience, members = asyncio.run(combined(url, sources, operation, order))
    assert audience is not None
    assert not audience.building
    people = [each.prospect for each in members]
    assert len(people) == len(set(people)) == audience.counters.members
    assert set(people) == plain(operation, [sources[number] for number in order])
