"""The engine ends when it is told to, also in the moment in which it is woken."""

import asyncio
from collections.abc import Mapping
from itertools import repeat
from typing import Any

import pytest

from enrichment_service.store.store import Store
from enrichment_service.ticks import TickEngine
from enrichment_service.view_results import ViewResult
from servicekit.clock import SteppedClock
from tests.enrichment_service.outcome_stack import PERSON_KEYS, HandClock


class Nobody:
    """There is nothing to view."""

    async def view(
        self, *, provider_account_id: str, identifier: str, known_id: str, deadline_seconds: float
    ) -> ViewResult:
        raise AssertionError("nobody was submitted")


class Rounds:
    """The store, and when a round of the engine is over: from then on it waits."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._under_way = 0
        self.over = asyncio.Event()

    async def call(self, partition: int, function: str, request: Mapping[str, object]) -> Any:
        self._under_way += 1
        answer = await self._store.call(partition, function, request)
        self._under_way -= 1
        if not self._under_way:
            self.over.set()
        return answer


@pytest.mark.parametrize("turns", range(6))
async def test_it_ends_although_it_is_woken(store: Store, clock: SteppedClock, turns: int) -> None:
    rounds = Rounds(store)
    engine = TickEngine(
        store=rounds,
        source=Nobody(),
        keys=PERSON_KEYS,
        clock=HandClock(stepped=clock),
        gaps=repeat(0.0),
        deadline_seconds=1.0,
        accounts_side_by_side=1,
    )
    engine.start()
    await rounds.over.wait()
    # Some turns of the loop after the last answer it waits to be woken.
    for _ in range(10):
        await asyncio.sleep(0)
    engine.wake()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await engine.close()
