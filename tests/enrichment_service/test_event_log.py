"""What readers of one process share, and how they are woken."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from enrichment_service.event_cursors import Position, StreamId
from enrichment_service.event_log import EventLog
from enrichment_service.event_news import News
from enrichment_service.event_pages import LoggedEvent, cut

EPOCH = "00c0ffee"
START = Position(EPOCH, StreamId(0, 0))


class SlowStore:
    """Answers a read when told to; counts reads."""

    def __init__(self) -> None:
        self.calls = 0
        self.answering = asyncio.Event()

    def epoch(self, partition: int) -> str:
        return EPOCH

    async def call(self, partition: int, function: str, request: Mapping[str, object]) -> Any:
        self.calls += 1
        await self.answering.wait()
        return {"events": {}, "trimmed": "0-0", "now": 1}


async def test_a_read_is_shared_until_somebody_rings() -> None:
    store, news = SlowStore(), News()
    log = EventLog(store, news)

    def read() -> "asyncio.Task[Any]":
        return asyncio.create_task(log.read_shared(0, START, joined=True))

    readers = [read(), read()]
    await asyncio.sleep(0)
    news.ring(0)
    # What was rung for may have come after the first read.
    readers.append(read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert store.calls == 2
    readers[0].cancel()
    store.answering.set()
    with pytest.raises(asyncio.CancelledError):
        await readers[0]
    assert [page.ends for page in await asyncio.gather(*readers[1:])] == [True, True]
    await log.read_shared(0, START, joined=True)
    assert store.calls == 3


async def test_a_newcomer_never_shares_a_read_that_began_before_it() -> None:
    store, news = SlowStore(), News()
    log = EventLog(store, news)
    early = asyncio.create_task(log.read_shared(0, START, joined=False))
    await asyncio.sleep(0)
    with news.listen(frozenset({0})):
        late = asyncio.create_task(log.read_shared(0, START, joined=False))
        store.answering.set()
        await asyncio.gather(early, late)
    assert store.calls == 2


async def test_a_listener_hears_of_its_partitions_each_once_and_in_turn() -> None:
    news = News()
    with news.listen(frozenset({3, 1})) as listener:
        assert [listener.take(), listener.take(), listener.take()] == [1, 3, None]
        for partition in (3, 2, 1, 3):
            news.ring(partition)
        assert await listener.wait(0)
        assert [listener.take(), listener.take(), listener.take()] == [3, 1, None]
        assert not await listener.wait(0)
        assert news.listener_count == 1
    assert news.listener_count == 0


async def test_a_ring_for_other_partitions_wakes_nobody() -> None:
    news = News()
    with news.listen(frozenset({1})) as listener:
        listener.take()
        listener.take()
        news.ring(2)
        assert not await listener.wait(0)


@pytest.mark.parametrize("weights", [[], [5], [50], [4, 4, 4], [50, 1, 50], [10, 10, 1]])
def test_batches_hold_everything_in_order_and_stay_small(weights: list[int]) -> None:
    events = [
        LoggedEvent(
            event_id="",
            time_ms=None,
            partition=0,
            position=Position(EPOCH, StreamId(1, number)),
            entry={},
            record=None,
            now_ms=0,
            weight=weight,
        )
        for number, weight in enumerate(weights)
    ]
    batches = list(cut(events, 10))
    assert [event for batch in batches for event in batch] == events
    assert all(batch for batch in batches)
    assert all(len(batch) == 1 or sum(e.weight for e in batch) <= 10 for batch in batches)
