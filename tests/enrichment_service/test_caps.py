"""The caps of every strategy and week (seed: enrichment daily caps)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment_service.model import Strategy
from enrichment_service.policy.caps import RAMP, daily_cap, full_cap, ramp_week

CAPS_BY_WEEK = {
    Strategy.NEW: [10, 20, 30, 40, 50, 60, 60, 60, 60],
    Strategy.ESTABLISHED: [30, 46, 63, 80, 80, 80, 80, 80, 80],
    Strategy.VETERAN: [50, 100, 100, 100, 100, 100, 100, 100, 100],
    Strategy.RECOVERY: [5, 8, 12, 15, 19, 22, 26, 30, 30],
}


@pytest.mark.parametrize("strategy", Strategy)
def test_cap_of_each_day_of_each_week(strategy: Strategy) -> None:
    start = 20_000
    caps = [daily_cap(strategy, ramp_start_day=start, day=start + day) for day in range(63)]
    assert caps == [cap for cap in CAPS_BY_WEEK[strategy] for _ in range(7)]
    assert full_cap(strategy) == CAPS_BY_WEEK[strategy][-1]


def test_every_strategy_has_a_ramp() -> None:
    assert set(RAMP) == set(Strategy)


def test_week_changes_after_seven_days() -> None:
    weeks = [ramp_week(ramp_start_day=100, day=day) for day in (100, 106, 107, 113, 114)]
    assert weeks == [1, 1, 2, 2, 3]


def test_a_day_before_the_ramp_has_the_cap_of_week_one() -> None:
    assert daily_cap(Strategy.NEW, ramp_start_day=100, day=60) == 10


@given(
    strategy=st.sampled_from(Strategy),
    start=st.integers(0, 100_000),
    day=st.integers(0, 200_000),
)
def test_cap_never_falls_and_never_leaves_its_bounds(
    strategy: Strategy, start: int, day: int
) -> None:
    cap = daily_cap(strategy, ramp_start_day=start, day=day)
    assert RAMP[strategy].first <= cap <= RAMP[strategy].full
    assert cap <= daily_cap(strategy, ramp_start_day=start, day=day + 1)
