"""A snapshot and the tail behind it end where the whole log ends, whatever happens meanwhile."""

import asyncio
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment_service import event_pages, event_snapshot
from enrichment_service.event_filter import EventFilter, Selection
from enrichment_service.event_news import News
from enrichment_service.event_snapshot import ListedState
from enrichment_service.event_stream import Message, MessageKind
from enrichment_service.events import Events, Start, Subscription
from enrichment_service.store.partitions import Marker
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.conftest import START_MS
from tests.support.enrichment_store import View, Workspace, person_of
from tests.support.key_leaks import text
from tests.support.valkey import Valkey

ENRICHMENTS = ("e", "f")
PEOPLE = st.integers(0, 5)
Step = tuple[str, str, int]
STEPS = st.tuples(
    st.sampled_from(
        ["submit"] * 4
        + ["view"] * 6
        + ["withdraw", "withdraw and submit", "retry", "retry", "erase"]
    ),
    st.sampled_from(ENRICHMENTS),
    PEOPLE,
)
OUTCOMES: list[dict[str, Any]] = [
    {"outcome": "ENRICHED"},
    {"outcome": "FAILED", "failure": "NOT_ACCESSIBLE"},
    {"outcome": "FAILED", "failure": "NOT_FOUND"},
    {"outcome": "RETRY", "retry_in_ms": 0},
    # Later views show another member: then the vanity has moved.
    {"outcome": "PARTIAL", "retry_in_ms": 0, "former": True},
    {"outcome": "PARTIAL"},
]


class BrokenOffError(Exception):
    """The subscriber goes."""


class Seen(NamedTuple):
    """What a reader holds of one place."""

    revision: int
    type: str
    final: bool
    failure: str | None
    reference: str


class History:
    """Random changes of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def begin(self) -> None:
        await self._workspace.connect(strategy="VETERAN")
        for enrichment in ENRICHMENTS:
            await self._workspace.create(enrichment)

    async def step(self, kind: str, enrichment: str, number: int) -> None:
        person = f"person-{number}"
        if kind == "submit":
            await self._workspace.submit(enrichment, [person])
        elif kind in ("withdraw", "withdraw and submit"):
            [place] = await self._workspace.submit(enrichment, [person])
            await self._workspace.call(
                "withdraw_profiles",
                enrichment=self._workspace.of(enrichment),
                profiles=[place["profile"]],
            )
            if kind == "withdraw and submit":
                await self._workspace.submit(enrichment, [person])
        elif kind == "erase" and number == 0:
            # Nothing happens to a person ever after, so most are spared.
            await self._workspace.call(
                "erase_profile", workspace=self._workspace.name, ids=[person], fresh_id=f"x{person}"
            )
        elif kind == "retry":
            await self._workspace.call(
                "retry_failed", enrichment=self._workspace.of(enrichment), after=""
            )
        else:
            await self._view(OUTCOMES[number])

    async def _view(self, outcome: dict[str, Any]) -> None:
        self._workspace.client.zadd(
            self._workspace.tag + "due", {self._workspace.of("a"): 1}, xx=True
        )
        lease = await self._workspace.claim()
        if lease is None:
            return
        view = await self._workspace.begin(lease)
        if isinstance(view, View):
            request = {name: value for name, value in outcome.items() if name != "former"}
            if "former" in outcome:
                request["person"] = person_of(view.ask, provider_id="ACo-former")
            await self._workspace.finish(lease, view, **request)
        await self._workspace.end(lease)


class Reader:
    """A subscriber that folds what it gets, and breaks off when told to."""

    def __init__(self, store: Store, workspace: str, *, start: Start) -> None:
        self._store = store
        self._workspace = workspace
        self._start = start
        self.cursor = ""
        self.seen: dict[tuple[str, str], Seen] = {}
        self.ended = 0

    async def read(self, history: History, steps: Iterator[Step], breaks: Iterator[bool]) -> None:
        """Read to the end of the log; before each message goes one step of the history."""

        async def send(message: Message) -> None:
            for step in (step for step, _ in zip(steps, range(1), strict=False)):
                await history.step(*step)
            if next(breaks, False):
                # The message was lost on its way, so its cursor is not known.
                raise BrokenOffError
            for event in message.batch.events if message.batch else ():
                self._fold(dict(event.entry), listed=isinstance(event, ListedState))
            self.ended += message.kind is MessageKind.SNAPSHOT_END
            self.cursor = message.cursor

        while True:
            subscription = Subscription(
                selection=Selection(filter=EventFilter(workspaces=frozenset({self._workspace}))),
                start=self._start,
                after_cursor=self.cursor,
                stop_when_caught_up=True,
            )
            try:
                # Another replica each time: nothing is known but the cursor.
                return await Events(self._store, News()).subscribe(
                    subscription, send, consumer="reader"
                )
            except BrokenOffError:
                continue

    def _fold(self, entry: dict[str, Any], *, listed: bool) -> None:
        if "p" not in entry:
            return
        key = entry["e"], entry["p"]
        known = self.seen.get(key)
        if known is None or entry["v"] > known.revision or listed:
            self.seen[key] = Seen(
                int(entry["v"]), entry["t"], bool(entry.get("x")), entry.get("f"), entry["r"]
            )


class Scene:
    """A store for all examples, each in a workspace of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.client = redis.Redis.from_url(url)
        self.client.flushall()
        self.clock = SteppedClock.create(folder / "clock", START_MS)
        self.store = Store(url=url, clock=self.clock, marker=Marker(folder / "marker"))
        self.runner.run(self.store.open())
        self.numbers = count()

    def close(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.client.close()
        self.clock.close()


@pytest.fixture(scope="module")
def scene(valkey: Valkey) -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # So small that everything can come between.
        patch.setattr(event_snapshot, "_PAGE", 2)
        patch.setattr(event_pages, "BATCH_BYTES", 1)
        scene = Scene(valkey.url, Path(folder))
        yield scene
        scene.close()


@pytest.mark.timeout(400)  # a failure is shrunk for up to five minutes
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(STEPS, min_size=8, max_size=30),
    during=st.lists(STEPS, min_size=2, max_size=12),
    breaks=st.lists(st.booleans(), max_size=25),
)
def test_a_snapshot_and_its_tail_end_where_the_log_ends(
    scene: Scene, before: list[Step], during: list[Step], breaks: list[bool]
) -> None:
    scene.runner.run(_compare(scene, before, during, breaks))


async def _compare(
    scene: Scene, before: list[Step], during: list[Step], breaks: list[bool]
) -> None:
    workspace = Workspace(scene.store, scene.client, f"w{next(scene.numbers)}")
    history = History(workspace)
    await history.begin()
    for step in before:
        await history.step(*step)
    submitted_before = set(await _states(scene, workspace))
    snapshot = Reader(scene.store, workspace.name, start=Start.SNAPSHOT)
    await snapshot.read(history, iter(during), iter(breaks))
    whole = Reader(scene.store, workspace.name, start=Start.EARLIEST)
    await whole.read(history, iter(()), iter(()))
    # Steps that came with the last message are in neither.
    await snapshot.read(history, iter(()), iter(()))
    truth = await _states(scene, workspace)

    assert snapshot.ended == 1
    assert whole.ended == 0
    assert snapshot.seen.keys() <= truth.keys()
    assert submitted_before <= snapshot.seen.keys()
    for place, state in truth.items():
        held = snapshot.seen.get(place)
        told = whole.seen.get(place)
        if told is not None:
            assert held == told == state
        else:
            # A first submission is no event, so the tail tells of it as little as the log.
            assert (state.revision, state.type) == (0, "PROFILE_PENDING")
            assert held in (None, state)
    assert whole.seen.keys() <= truth.keys()


async def _states(scene: Scene, workspace: Workspace) -> dict[tuple[str, str], Seen]:
    """What a snapshot lists that nothing disturbs."""
    reader = Reader(scene.store, workspace.name, start=Start.SNAPSHOT)
    await reader.read(History(workspace), iter(()), iter(()))
    packed = {
        (workspace.of(enrichment), text(profile))
        for enrichment in ENRICHMENTS
        for key in scene.client.scan_iter(f"{workspace.tag}states:{workspace.of(enrichment)}:*")
        for profile in scene.client.hkeys(key)
    }
    assert reader.seen.keys() == packed
    return reader.seen
