"""What a view leads to: pauses and their ends, the breaker, retries, partial results."""

from typing import Any

from servicekit.clock import SteppedClock
from tests.conftest import START_MS
from tests.support.enrichment_store import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SPREAD_MS,
    Lease,
    Workspace,
    person_of,
)
from tests.support.store_scenes import busy, claimed

MIDNIGHT_MS = START_MS - START_MS % DAY_MS + DAY_MS
TICK_MS = 3 * MINUTE_MS


async def test_at_the_cap_the_account_pauses_until_after_midnight(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await workspace.end(await busy(workspace, people=25, strategy="NEW"))
    clock.advance_by(TICK_MS)
    assert len(await workspace.tick()) == 10
    account = await workspace.account()
    assert account["pause_reason"] == "DAILY_CAP_REACHED"
    assert int(account["pause_until"]) == MIDNIGHT_MS + SPREAD_MS
    clock.advance_to(MIDNIGHT_MS + SPREAD_MS - 1)
    assert await workspace.claim() is None
    clock.advance_by(1)
    assert len(await workspace.tick()) == 10
    kinds = [event["t"] for event in await workspace.events()]
    assert kinds.count("ACCOUNT_PAUSED") == 2
    assert kinds.count("ACCOUNT_RESUMED") == 1


async def test_enrichment_leaves_the_kept_share_to_campaigns(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await workspace.connect(share=4)
    await workspace.create()
    await workspace.submit("e", [f"p{number}" for number in range(20)])
    assert len(await workspace.tick()) == 6
    assert await workspace.consume(4, purpose="CAMPAIGN_STEP") == 4
    assert (await workspace.budget())["available"] == 0


async def test_no_view_begins_whose_deadline_could_cross_midnight(
    workspace: Workspace, clock: SteppedClock
) -> None:
    lease = await busy(workspace)
    clock.advance_to(MIDNIGHT_MS - 10_000)
    assert await workspace.begin(lease) == "MIDNIGHT"
    await workspace.end(lease, not_before="resumption", spread_ms=SPREAD_MS)
    clock.advance_to(MIDNIGHT_MS + SPREAD_MS - 1)
    assert await workspace.claim() is None
    clock.advance_by(1)
    assert len(await workspace.tick()) == 3


async def test_ten_counted_errors_open_the_breaker_and_one_profile_is_the_probe(
    workspace: Workspace, clock: SteppedClock
) -> None:
    lease = await busy(workspace, people=20)

    async def fail() -> bool:
        view = await workspace.view(lease)
        answer = await workspace.finish(
            lease, view, outcome="RETRY", error=True, retry_in_ms=DAY_MS
        )
        return bool(answer["stop"])

    async def reconnect() -> Lease:
        await workspace.end(lease)
        clock.advance_by(DAY_MS)
        assert await workspace.claim() is None
        await workspace.call("set_account_connection", account=workspace.of("a"), connected=True)
        return await claimed(workspace)

    assert [await fail() for _ in range(10)] == [False] * 9 + [True]
    account = await workspace.account()
    assert account["pause_reason"] == "CIRCUIT_OPEN"
    assert "pause_until" not in account
    assert await workspace.begin(lease) == "PAUSED"

    lease = await reconnect()
    assert await fail()
    lease = await reconnect()
    await workspace.finish(lease, await workspace.view(lease))
    assert [await fail() for _ in range(10)] == [False] * 9 + [True]


async def test_errors_of_two_days_do_not_add_up(workspace: Workspace, clock: SteppedClock) -> None:
    lease = await busy(workspace, people=20)
    for _ in range(2):
        for _ in range(9):
            await workspace.finish(
                lease, await workspace.view(lease), outcome="RETRY", error=True, retry_in_ms=0
            )
        await workspace.end(lease)
        clock.advance_by(DAY_MS)
        lease = await claimed(workspace)
    assert "pause_reason" not in await workspace.account()


async def test_an_open_breaker_stays_a_probe_through_a_disconnection(workspace: Workspace) -> None:
    lease = await busy(workspace, people=20)
    for _ in range(10):
        view = await workspace.view(lease)
        await workspace.finish(lease, view, outcome="RETRY", error=True, retry_in_ms=0)
    await workspace.end(lease)
    for connected in (False, True):
        await workspace.call(
            "set_account_connection", account=workspace.of("a"), connected=connected
        )
    assert (await workspace.account())["probing"] == "1"


async def test_a_longer_pause_is_not_cut_short(workspace: Workspace) -> None:
    lease = await busy(workspace)
    view = await workspace.view(lease)
    pause = {"reason": "PROVIDER_LIMIT", "until_midnight": True}
    await workspace.finish(lease, view, outcome="RETRY", free=True, retry_in_ms=0, pause=pause)
    await workspace.end(
        lease, pause={"reason": "OUTSIDE_WORKING_HOURS", "until_ms": START_MS + HOUR_MS}
    )
    assert (await workspace.account())["pause_reason"] == "PROVIDER_LIMIT"


async def test_a_pause_at_the_end_of_a_tick_counts_a_view_given_up_once(
    workspace: Workspace,
) -> None:
    lease = await busy(workspace)
    await workspace.view(lease)
    pause = {"reason": "OUTSIDE_WORKING_HOURS", "until_ms": START_MS + HOUR_MS}
    await workspace.end(lease, pause=pause)
    budget = (await workspace.events())[-1]["budget"]
    assert (budget["committed"], budget["reserved"]) == (1, 0)


async def test_a_pause_for_a_person_outlasts_every_clock(
    workspace: Workspace, clock: SteppedClock
) -> None:
    lease = await busy(workspace)
    view = await workspace.view(lease)
    answer = await workspace.finish(
        lease,
        view,
        outcome="RETRY",
        free=True,
        retry_in_ms=0,
        charged=False,
        pause={"reason": "CHECKPOINT"},
    )
    assert answer == {"stop": True}
    await workspace.end(lease)
    clock.advance_by(30 * DAY_MS)
    assert await workspace.claim() is None
    await workspace.call("set_account_connection", account=workspace.of("a"), connected=True)
    view = await workspace.view(await claimed(workspace))
    assert (view.ask, view.attempts) == ("p0", 1)


async def test_a_retry_comes_back_first_when_its_time_has_come(
    workspace: Workspace, clock: SteppedClock
) -> None:
    lease = await busy(workspace, people=30)
    view = await workspace.view(lease)
    await workspace.finish(lease, view, outcome="RETRY", retry_in_ms=HOUR_MS)
    await workspace.end(lease)
    clock.advance_by(TICK_MS)
    assert view.ask not in await workspace.tick()
    clock.advance_by(HOUR_MS)
    lease = await claimed(workspace)
    again = await workspace.view(lease)
    assert (again.ask, again.attempts) == (view.ask, 2)
    await workspace.finish(lease, again, outcome="FAILED", failure="ATTEMPTS_EXHAUSTED")
    assert (await workspace.progress())["failed"] == 1
    assert (await workspace.events())[-1]["f"] == "ATTEMPTS_EXHAUSTED"


async def test_a_partial_result_is_tried_again_and_given_up_after_three(
    workspace: Workspace, clock: SteppedClock
) -> None:
    lease = await busy(workspace, people=1)
    for partials in range(3):
        view = await workspace.view(lease)
        assert view.partials == partials
        delay: dict[str, Any] = {"retry_in_ms": HOUR_MS} if partials < 2 else {}
        await workspace.finish(lease, view, outcome="PARTIAL", person=person_of(view.ask), **delay)
        await workspace.end(lease)
        if partials < 2:
            assert await workspace.progress() == {"total": 1, "pending": 1}
            clock.advance_by(HOUR_MS)
            lease = await claimed(workspace)
    assert await workspace.progress() == {"total": 1, "partial": 1}
    partial = [event for event in await workspace.events() if event["t"] == "PROFILE_PARTIAL"]
    assert [event.get("x", False) for event in partial] == [False, False, True]
    # Partial is not complete: another enrichment asks again.
    await workspace.create("other")
    assert [item["state"] for item in await workspace.submit("other", ["p0"])] == ["q"]


async def test_what_is_withdrawn_in_flight_is_viewed_to_its_end(workspace: Workspace) -> None:
    lease = await busy(workspace, people=2)
    view = await workspace.view(lease)
    rest = [item["profile"] for item in await workspace.submit("e", ["p1"])]
    answer = await workspace.call(
        "withdraw_profiles", enrichment=workspace.of("e"), profiles=[view.profile, *rest]
    )
    assert answer == {"withdrawn": 2}
    assert await workspace.progress() == {"withdrawn": 2}
    await workspace.finish(lease, view)
    assert await workspace.progress() == {"withdrawn": 2}
    assert "data" in await workspace.profile(view.profile)
    assert await workspace.begin(lease) == "NO_WORK"
    # Wanted again: one is known by now, the other is queued once.
    assert [item["state"] for item in await workspace.submit("e", ["p0", "p1"])] == ["c", "q"]
    assert (await workspace.view(lease)).ask == "p1"


async def test_a_paused_enrichment_leaves_its_turns_to_others(workspace: Workspace) -> None:
    await workspace.connect(strategy="VETERAN")
    for name in ("quiet", "loud"):
        await workspace.create(name)
        await workspace.submit(name, [f"{name}-1", f"{name}-2"])
    lease = await claimed(workspace)
    view = await workspace.view(lease)
    assert view.ask == "quiet-1"
    for _ in range(2):
        await workspace.call("set_enrichment_paused", enrichment=workspace.of("quiet"), paused=True)
    await workspace.finish(lease, view, outcome="RETRY", retry_in_ms=0)
    for expected in ("loud-1", "loud-2"):
        view = await workspace.view(lease)
        assert view.ask == expected
        await workspace.finish(lease, view)
    assert await workspace.begin(lease) == "NO_WORK"
    await workspace.call("set_enrichment_paused", enrichment=workspace.of("quiet"), paused=False)
    assert (await workspace.view(lease)).ask == "quiet-1"


async def test_work_done_says_so_once(workspace: Workspace, clock: SteppedClock) -> None:
    await workspace.end(await busy(workspace, people=2))
    assert "ENRICHMENT_IDLE" not in [event["t"] for event in await workspace.events()]
    clock.advance_by(TICK_MS)
    await workspace.tick()
    events = [event["t"] for event in await workspace.events()]
    assert events[-1] == "ENRICHMENT_IDLE"
    assert events.count("ENRICHMENT_IDLE") == 1
    assert (await workspace.look()).get("due") is None
