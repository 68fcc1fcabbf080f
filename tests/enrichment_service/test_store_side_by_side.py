"""Two accounts of a workspace that want the same person at the same moment."""

from redis import Redis

from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.support.enrichment_store import MINUTE_MS, Workspace
from tests.support.valkey import Valkey


async def _both_begin(store: Store, valkey: Valkey) -> Workspace:
    workspace = Workspace(store, Redis.from_url(valkey.url))
    for name in ("a", "b"):
        await workspace.connect(name)
        await workspace.create(f"e{name}", name)
        await workspace.submit(f"e{name}", ["ada"])
    return workspace


async def test_a_person_under_way_is_waited_for_and_comes_from_the_cache(
    store: Store, valkey: Valkey, clock: SteppedClock
) -> None:
    workspace = await _both_begin(store, valkey)
    first, second = await workspace.claim(), await workspace.claim()
    assert first is not None
    assert second is not None
    view = await workspace.view(first)

    assert await workspace.begin(second) == "NO_WORK"
    await workspace.finish(first, view)
    for lease in (first, second):
        await workspace.end(lease)

    clock.advance_by(3 * MINUTE_MS)
    assert await workspace.tick() + await workspace.tick() == []
    other = "eb" if first.account == "w/a" else "ea"
    assert await workspace.progress(other) == {"total": 1, "cached": 1}
    budgets = [await workspace.budget(name) for name in ("a", "b")]
    assert sorted(budget["committed"] for budget in budgets) == [0, 1]


async def test_when_the_other_view_fails_the_person_is_viewed_after_all(
    store: Store, valkey: Valkey, clock: SteppedClock
) -> None:
    workspace = await _both_begin(store, valkey)
    first, second = await workspace.claim(), await workspace.claim()
    assert first is not None
    assert second is not None
    view = await workspace.view(first)
    assert await workspace.begin(second) == "NO_WORK"
    await workspace.finish(first, view, outcome="FAILED", failure="NOT_ACCESSIBLE")
    for lease in (first, second):
        await workspace.end(lease)

    clock.advance_by(3 * MINUTE_MS)
    assert await workspace.tick() + await workspace.tick() == ["ada"]
