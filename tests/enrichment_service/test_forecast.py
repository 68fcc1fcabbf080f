"""Forecasts: the seed's examples, and a day-by-day simulation that must agree."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment_service.model import Strategy
from enrichment_service.policy.caps import daily_cap, full_cap
from enrichment_service.policy.forecast import AccountOutlook, Forecast, forecast

TODAY = 20_650


def fresh(
    strategy: Strategy, *, age_days: int = 0, used: int = 0, campaign_share: int = 0
) -> AccountOutlook:
    """An account that was connected `age_days` ago and has made `used` views today."""
    start = TODAY - age_days
    cap = daily_cap(strategy, ramp_start_day=start, day=TODAY)
    return AccountOutlook(
        strategy=strategy,
        ramp_start_day=start,
        day=TODAY,
        views_left_today=max(0, cap - used - campaign_share),
        campaign_share=campaign_share,
    )


def test_100_on_a_veteran_account_take_one_to_two_days() -> None:
    """Seed: 100 profiles on a veteran account, 1-2 days."""
    new = forecast(fresh(Strategy.VETERAN), remaining=100)
    assert (new.days_at_full_cap, new.days_at_todays_cap, new.days_with_ramp) == (1.0, 2.0, 2)
    assert new.earliest_complete_day == TODAY + 1
    grown = forecast(fresh(Strategy.VETERAN, age_days=7), remaining=100)
    assert (grown.days_at_todays_cap, grown.days_with_ramp) == (1.0, 1)
    assert grown.earliest_complete_day == TODAY


def test_500_on_a_new_account_take_50_days_at_todays_cap_and_23_with_the_ramp() -> None:
    """Seed: 500 profiles on a new account, 50 days at 10 a day. 70 + 140 + 210 + 2 x 40."""
    result = forecast(fresh(Strategy.NEW), remaining=500)
    assert result.days_at_todays_cap == 50.0
    assert result.days_at_full_cap == 8.3
    assert result.days_with_ramp == 23
    assert result.earliest_complete_day == TODAY + 22


def test_1000_on_an_established_account_take_13_to_33_days() -> None:
    """Seed: 1,000 profiles on an established account, 13-33 days depending on ramp week."""
    week_1 = forecast(fresh(Strategy.ESTABLISHED), remaining=1000)
    assert (week_1.days_at_full_cap, week_1.days_at_todays_cap) == (12.5, 33.3)
    assert week_1.days_with_ramp == 22  # 210 + 322 + 441 + 27
    week_4 = forecast(fresh(Strategy.ESTABLISHED, age_days=21), remaining=1000)
    assert (week_4.days_at_todays_cap, week_4.days_with_ramp) == (12.5, 13)


def test_160_on_a_new_account_take_16_days_at_todays_cap() -> None:
    """Seed: "Why is my enrichment showing 16 days remaining"."""
    assert forecast(fresh(Strategy.NEW), remaining=160).days_at_todays_cap == 16.0


@pytest.mark.parametrize(("remaining", "days"), [(4, 0.1), (10, 0.1), (12, 0.2), (28, 0.4)])
def test_ratios_are_rounded_half_up(remaining: int, days: float) -> None:
    """At 80 a day: 0.05, 0.125, 0.15 and 0.35, which binary fractions cannot hold."""
    outlook = fresh(Strategy.ESTABLISHED, age_days=30)
    assert forecast(outlook, remaining=remaining).days_at_todays_cap == days


def test_what_was_used_today_is_not_there_again() -> None:
    all_used = forecast(fresh(Strategy.VETERAN, used=50), remaining=50)
    assert (all_used.days_with_ramp, all_used.earliest_complete_day) == (1, TODAY + 1)


def test_the_kept_share_is_left_to_campaigns() -> None:
    result = forecast(fresh(Strategy.NEW, campaign_share=4), remaining=12)
    assert (result.days_with_ramp, result.earliest_complete_day) == (2, TODAY + 1)


def test_a_share_above_the_cap_waits_for_the_ramp() -> None:
    result = forecast(fresh(Strategy.NEW, campaign_share=20), remaining=10)
    assert (result.days_with_ramp, result.earliest_complete_day) == (1, TODAY + 14)


def test_a_share_above_every_cap_never_ends() -> None:
    result = forecast(fresh(Strategy.NEW, campaign_share=60), remaining=1)
    assert result.days_with_ramp is None
    assert result.earliest_complete_day is None
    assert result.latest_complete_day is None


def test_other_enrichments_share_in_turn() -> None:
    outlook = fresh(Strategy.VETERAN, age_days=7)
    assert forecast(outlook, remaining=100, others=[1000]).earliest_complete_day == TODAY + 1
    assert forecast(outlook, remaining=51, others=[1000]).earliest_complete_day == TODAY + 1
    assert forecast(outlook, remaining=50, others=[1000]).earliest_complete_day == TODAY
    assert forecast(outlook, remaining=90, others=[4, 6]).earliest_complete_day == TODAY
    assert forecast(outlook, remaining=50, others=[1000], before=1).earliest_complete_day == TODAY
    assert forecast(outlook, remaining=51, others=[49], before=0).earliest_complete_day == TODAY
    two = [34, 1000]
    assert forecast(outlook, remaining=34, others=two, before=0).earliest_complete_day == TODAY
    assert forecast(outlook, remaining=34, others=two, before=2).earliest_complete_day == TODAY + 1


def test_second_views_come_a_day_later_at_the_latest() -> None:
    result = forecast(fresh(Strategy.VETERAN, age_days=7), remaining=100)
    assert (result.earliest_complete_day, result.latest_complete_day) == (TODAY, TODAY + 2)


def test_nothing_left_is_done_today() -> None:
    result = forecast(fresh(Strategy.NEW), remaining=0)
    assert (result.days_with_ramp, result.days_at_todays_cap) == (0, 0.0)
    assert result.earliest_complete_day == result.latest_complete_day == TODAY


def test_dates_beyond_the_calendar_are_none() -> None:
    result = forecast(fresh(Strategy.RECOVERY), remaining=2**31 - 1)
    assert result.earliest_complete_day is None
    assert result.days_with_ramp is not None
    assert result.days_with_ramp > 70_000_000


def outlooks(views_possible: st.SearchStrategy[int]) -> st.SearchStrategy[AccountOutlook]:
    """Accounts of any age; `views_possible` draws what pacing allows on a day of the week."""
    return st.builds(
        AccountOutlook,
        strategy=st.sampled_from(Strategy),
        ramp_start_day=st.integers(TODAY - 70, TODAY),
        day=st.just(TODAY),
        views_left_today=st.integers(0, 5),
        campaign_share=st.integers(0, 29),
        views_possible=st.none()
        | st.lists(views_possible, min_size=7, max_size=7).filter(any).map(tuple),
    )


def simulate(
    outlook: AccountOutlook, *, remaining: int, others: list[int], before: int
) -> tuple[int, int]:
    """Days from today to the last view, and days with views, by making every view in turn."""
    queues = [*others[:before], remaining, *others[before:]]
    turn = 0
    days = 0
    for ahead in count():
        left = outlook.capacity(ahead)
        days += left > 0
        while left and any(queues):
            if queues[turn]:
                queues[turn] -= 1
                left -= 1
            turn = (turn + 1) % len(queues)
            if not queues[before]:
                return ahead, days
    raise AssertionError("unreachable")


@given(
    outlook=outlooks(st.integers(0, 60)),
    remaining=st.integers(1, 800),
    others=st.lists(st.integers(0, 500), max_size=3),
    data=st.data(),
)
def test_agrees_with_a_simulation_of_every_view(
    outlook: AccountOutlook, remaining: int, others: list[int], data: st.DataObject
) -> None:
    before = data.draw(st.integers(0, len(others)))
    ahead, days = simulate(outlook, remaining=remaining, others=others, before=before)
    result = forecast(outlook, remaining=remaining, others=others, before=before)
    assert (result.earliest_complete_day, result.days_with_ramp) == (TODAY + ahead, days)
    assert result.latest_complete_day is not None
    assert result.latest_complete_day > TODAY + ahead


@given(outlook=outlooks(st.sampled_from([0, 900])), remaining=st.integers(1, 500))
def test_latest_bounds_second_views_that_come_a_day_later(
    outlook: AccountOutlook, remaining: int
) -> None:
    """Second views first, and each only on a later day than the first view."""
    latest = forecast(outlook, remaining=remaining).latest_complete_day
    first, second = remaining, 0
    for ahead in count():
        capacity = outlook.capacity(ahead)
        seconds = min(second, capacity)
        firsts = min(first, capacity - seconds)
        first, second = first - firsts, second - seconds + firsts
        if not first and not second:
            break
    assert latest is not None
    assert latest >= TODAY + ahead


@given(strategy=st.sampled_from(Strategy), remaining=st.integers(0, 10**6), age=st.integers(0, 90))
def test_full_cap_is_never_slower_than_today(strategy: Strategy, remaining: int, age: int) -> None:
    result: Forecast = forecast(fresh(strategy, age_days=age), remaining=remaining)
    assert result.days_at_full_cap <= result.days_at_todays_cap
    assert abs(result.days_at_full_cap - remaining / full_cap(strategy)) <= 0.05 + 1e-9
