"""Ticks: leases, fencing, turns, permits; several workers on the real store."""

from collections import Counter

import pytest

from servicekit.clock import SteppedClock
from tests.support.enrichment_store import HOUR_MS, MINUTE_MS, Workspace
from tests.support.store_scenes import busy, claimed

TICK_MS = 3 * MINUTE_MS


async def test_an_account_is_never_leased_twice(workspace: Workspace, clock: SteppedClock) -> None:
    lease = await busy(workspace)
    assert await workspace.claim() is None
    clock.advance_by(HOUR_MS)
    assert await workspace.claim() is None
    await workspace.submit("e", ["late"])
    assert await workspace.claim() is None
    await workspace.end(lease)
    assert (await claimed(workspace)).token > lease.token


async def test_the_next_tick_is_due_three_minutes_after_the_last_began(
    workspace: Workspace, clock: SteppedClock
) -> None:
    lease = await busy(workspace)
    await workspace.end(lease)
    assert await workspace.claim() is None
    clock.advance_by(TICK_MS - 1)
    assert await workspace.claim() is None
    clock.advance_by(1)
    assert await workspace.claim() is not None


async def test_a_tick_makes_fifteen_views(workspace: Workspace, clock: SteppedClock) -> None:
    await workspace.end(await busy(workspace, people=20))
    for expected in (15, 5, 0):
        clock.advance_by(TICK_MS)
        assert len(await workspace.tick()) == expected


async def test_a_silent_worker_loses_the_account_and_its_view_stays_charged(
    workspace: Workspace,
) -> None:
    silent = await busy(workspace)
    lost = await workspace.view(silent)
    workspace.lose_lease()

    lease = await claimed(workspace)
    budget = await workspace.budget()
    assert (budget["committed"], budget["reserved"]) == (1, 0)
    view = await workspace.view(lease)
    assert (view.profile, view.attempts) == (lost.profile, 2)
    await workspace.finish(lease, view)
    assert (await workspace.budget())["committed"] == 2
    assert await workspace.progress() == {"total": 3, "enriched": 1, "pending": 2}


async def test_an_interrupted_tick_goes_on_at_once_with_the_views_it_has_left(
    workspace: Workspace, clock: SteppedClock
) -> None:
    silent = await busy(workspace, people=20)
    for _ in range(10):
        await workspace.finish(silent, await workspace.view(silent))
    workspace.lose_lease()
    assert len(await workspace.tick()) == 5
    assert await workspace.claim() is None
    clock.advance_by(TICK_MS)
    assert len(await workspace.tick()) == 5


@pytest.mark.parametrize("taken", [False, True], ids=["lease_expired", "claimed_by_another"])
async def test_a_stale_token_settles_the_permit_and_keeps_the_cache_and_moves_nothing(
    workspace: Workspace, taken: bool
) -> None:
    stale = await busy(workspace)
    view = await workspace.view(stale)
    workspace.lose_lease()
    taker = await claimed(workspace) if taken else None
    before = await workspace.progress(), len(await workspace.events()), await workspace.account()

    assert await workspace.finish(stale, view) == {"stale": True}
    budget = await workspace.budget()
    assert (budget["committed"], budget["reserved"]) == (1, 0)
    assert (await workspace.profile(view.profile))["data"]["provider_id"] == f"ACo-{view.ask}"
    account = await workspace.account()
    account["open"] = before[2]["open"]
    assert (await workspace.progress(), len(await workspace.events()), account) == before

    # Whoever has the account finds the person known: nobody is viewed again.
    lease = taker or await claimed(workspace)
    assert (await workspace.view(lease)).ask != view.ask
    assert await workspace.progress() == {"total": 3, "cached": 1, "pending": 2}


@pytest.mark.parametrize("function", ["begin_view", "renew_lease", "end_tick"])
async def test_a_stale_token_is_refused(workspace: Workspace, function: str) -> None:
    stale = await busy(workspace)
    workspace.lose_lease()
    request = {"account": stale.account, "token": stale.token, "lease_ms": 1, "spread_ms": 1}
    request |= {"reservation": "r", "permit_ms": 1, "deadline_ms": 1}
    assert await workspace.refusal(function, **request) == "LEASE_LOST"
    lease = await claimed(workspace)
    assert await workspace.refusal(function, **request) == "LEASE_LOST"
    await workspace.end(lease)
    assert await workspace.refusal(function, **request) == "LEASE_LOST"


async def test_a_heartbeat_keeps_the_lease(workspace: Workspace) -> None:
    lease = await busy(workspace)
    before = workspace.client.zscore(workspace.tag + "leases", lease.account) or 0
    await workspace.call(
        "renew_lease", account=lease.account, token=lease.token, lease_ms=2 * HOUR_MS
    )
    after = workspace.client.zscore(workspace.tag + "leases", lease.account) or 0
    assert after - before >= HOUR_MS


async def test_two_beginnings_with_one_reservation_are_one_view(workspace: Workspace) -> None:
    lease = await busy(workspace)
    first = await workspace.begin(lease, reservation="lost-answer")
    assert await workspace.begin(lease, reservation="lost-answer") == first
    assert (await workspace.budget())["reserved"] == 1


async def test_another_view_gives_up_the_one_under_way(workspace: Workspace) -> None:
    lease = await busy(workspace)
    first = await workspace.view(lease)
    second = await workspace.view(lease)
    assert second.profile == first.profile
    budget = await workspace.budget()
    assert (budget["committed"], budget["reserved"]) == (1, 1)
    await workspace.end(lease)
    assert await workspace.progress() == {"total": 3, "pending": 3}
    assert (await workspace.budget())["committed"] == 2


async def test_finishing_twice_counts_once(workspace: Workspace) -> None:
    lease = await busy(workspace)
    view = await workspace.view(lease)
    await workspace.finish(lease, view, outcome="RETRY", error=True, retry_in_ms=1000)
    once = await workspace.account(), await workspace.progress(), len(await workspace.events())
    await workspace.finish(lease, view, outcome="RETRY", error=True, retry_in_ms=1000)
    twice = await workspace.account(), await workspace.progress(), len(await workspace.events())
    assert twice == once


async def test_enrichments_of_an_account_take_turns(workspace: Workspace) -> None:
    await workspace.connect(strategy="VETERAN")
    for name, people in (("many", 40), ("few", 4), ("some", 20)):
        await workspace.create(name)
        await workspace.submit(name, [f"{name}-{number}" for number in range(people)])
    asked = await workspace.tick()
    assert Counter(name.split("-")[0] for name in asked[:12]) == {"many": 4, "few": 4, "some": 4}
    assert [name for name in asked if name.startswith("few")] == [f"few-{n}" for n in range(4)]


async def test_an_uncharged_view_returns(workspace: Workspace) -> None:
    lease = await busy(workspace)
    view = await workspace.view(lease)
    await workspace.finish(lease, view, outcome="RETRY", charged=False, error=True, retry_in_ms=0)
    budget = await workspace.budget()
    assert (budget["committed"], budget["reserved"]) == (0, 0)


async def test_a_permit_that_expired_is_charged_whatever_became_of_it(workspace: Workspace) -> None:
    lease = await busy(workspace)
    view = await workspace.view(lease)
    workspace.let_expire(view.reservation)
    await workspace.finish(lease, view, outcome="RETRY", charged=False, retry_in_ms=0)
    assert (await workspace.budget())["committed"] == 1
