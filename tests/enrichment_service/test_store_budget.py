"""The view budget's promises, one by one, on the real store."""

from servicekit.clock import SteppedClock
from tests.conftest import START_MS
from tests.support.enrichment_store import DAY_MS, HOUR_MS, MINUTE_MS, SPREAD_MS, Workspace

MIDNIGHT_MS = START_MS - START_MS % DAY_MS + DAY_MS


async def test_an_expired_reservation_is_charged(workspace: Workspace) -> None:
    await workspace.connect()
    reservation = await workspace.reserve(4)
    workspace.let_expire(reservation)
    budget = await workspace.budget()
    assert (budget["committed"], budget["reserved"], budget["available"]) == (4, 0, 6)
    assert await workspace.settle(reservation, used=1) == 4
    assert (
        await workspace.refusal(
            "settle_reservation", account=workspace.of("a"), reservation=reservation
        )
        == "RESERVATION_EXPIRED"
    )
    assert (await workspace.budget())["available"] == 6


async def test_charging_what_expired_changes_nothing_that_is_shown(workspace: Workspace) -> None:
    await workspace.connect(share=5)
    workspace.let_expire(await workspace.reserve(4))
    workspace.let_expire(await workspace.reserve(2, purpose="ENRICHMENT"))
    before = await workspace.budget()
    assert (await workspace.look())["open"] == 0
    after = await workspace.budget()
    # Zeros may stay behind in the usage.
    usages = [
        {name: int(views) for name, views in budget.pop("usage").items() if int(views)}
        for budget in (before, after)
    ]
    assert before == after
    assert usages[0] == usages[1] == {"c:CAMPAIGN_STEP": 4, "c:ENRICHMENT": 2}


async def test_what_is_open_at_midnight_is_held_against_the_new_day(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await workspace.connect()
    clock.advance_to(MIDNIGHT_MS - 1000)
    used, released, expired = [await workspace.reserve(2) for _ in range(3)]
    clock.advance_to(MIDNIGHT_MS)
    today = await workspace.budget()
    assert (today["committed"], today["reserved"], today["available"]) == (0, 6, 4)
    assert await workspace.consume(9, allow_partial=True) == 4

    await workspace.settle(used, used=2)
    await workspace.settle(released, used=None)
    workspace.let_expire(expired)
    today = await workspace.budget()
    assert (today["committed"], today["reserved"], today["available"]) == (4, 0, 6)
    await workspace.look()
    yesterday = workspace.client.hgetall(
        f"{workspace.tag}budget:{workspace.of('a')}:{MIDNIGHT_MS // DAY_MS - 1}"
    )
    assert yesterday[b"c:CAMPAIGN_STEP"] == b"4"


async def test_use_before_never_passes_midnight(workspace: Workspace, clock: SteppedClock) -> None:
    await workspace.connect()
    clock.advance_to(MIDNIGHT_MS - MINUTE_MS)
    for function, more in (("consume_views", {}), ("reserve_views", {"ttl_ms": HOUR_MS})):
        answer = await workspace.call(
            function,
            account=workspace.of("a"),
            purpose="MANUAL",
            count=1,
            reservation="r",
            **more,
        )
        assert answer["use_before"] == MIDNIGHT_MS


async def test_a_refusal_does_not_count(workspace: Workspace) -> None:
    await workspace.connect()
    for _ in range(3):
        assert (
            await workspace.refusal(
                "consume_views", account=workspace.of("a"), purpose="MANUAL", count=11
            )
            == "VIEW_BUDGET_EXHAUSTED"
        )
    assert await workspace.consume(10) == 10


async def test_the_cap_grows_on_the_seventh_day(workspace: Workspace, clock: SteppedClock) -> None:
    await workspace.connect()
    clock.advance_to(MIDNIGHT_MS + 6 * DAY_MS - 1)
    assert (await workspace.budget())["limit"] == 10
    clock.advance_by(1)
    assert (await workspace.budget())["limit"] == 20


async def test_a_pause_at_the_cap_ends_with_a_refund(workspace: Workspace) -> None:
    await workspace.connect()
    await workspace.create()
    await workspace.submit("e", ["ada"])
    reservation = await workspace.reserve(10)
    assert await workspace.tick() == []
    assert (await workspace.account())["pause_reason"] == "DAILY_CAP_REACHED"
    await workspace.settle(reservation, used=9)
    assert "pause_reason" not in await workspace.account()


async def test_a_pause_at_the_cap_ends_when_yesterdays_views_are_held_no_longer(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await workspace.connect()
    await workspace.create()
    await workspace.submit("e", ["ada"])
    clock.advance_to(MIDNIGHT_MS - 1)
    reservation = await workspace.reserve(10)
    clock.advance_to(MIDNIGHT_MS + SPREAD_MS)
    assert await workspace.tick() == []
    assert (await workspace.account())["pause_reason"] == "DAILY_CAP_REACHED"
    workspace.let_expire(reservation)
    await workspace.look()
    assert "pause_reason" not in await workspace.account()
    clock.advance_by(3 * MINUTE_MS)
    assert await workspace.tick() == ["ada"]


async def test_what_expired_yesterday_holds_nothing_back_before_it_is_charged(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await workspace.connect()
    clock.advance_to(MIDNIGHT_MS - 1)
    workspace.let_expire(await workspace.reserve(10))
    clock.advance_to(MIDNIGHT_MS)
    assert await workspace.consume(10) == 10


async def test_an_account_of_a_deleted_name_has_no_second_budget(workspace: Workspace) -> None:
    await workspace.connect()
    await workspace.consume(3)
    await workspace.reserve(2)
    await workspace.call("delete_account", account=workspace.of("a"))
    await workspace.connect(strategy="VETERAN")
    budget = await workspace.budget()
    assert (budget["committed"], budget["reserved"], budget["available"]) == (3, 2, 45)


async def test_a_provider_account_has_one_owner_and_is_free_the_day_after(
    workspace: Workspace, clock: SteppedClock
) -> None:
    async def claim(owner: str, **request: object) -> None:
        await workspace.call("claim_provider_account", provider="p", owner=owner, **request)

    async def refused(owner: str) -> str:
        return await workspace.refusal("claim_provider_account", provider="p", owner=owner)

    await claim("w/a")
    await claim("w/a")
    assert await refused("w/b") == "PROVIDER_ACCOUNT_CLAIMED"
    await claim("w/b", release=True)
    assert await refused("w/b") == "PROVIDER_ACCOUNT_CLAIMED"
    await claim("w/a", release=True)
    assert await refused("w/b") == "PROVIDER_ACCOUNT_CLAIMED"
    clock.advance_to(MIDNIGHT_MS)
    await claim("w/b")
    assert await refused("w/a") == "PROVIDER_ACCOUNT_CLAIMED"
