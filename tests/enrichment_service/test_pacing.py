"""Ticks, working hours, gaps between views and resumption after midnight."""

from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment_service.model import Pacing, WorkingHours
from enrichment_service.policy.pacing import (
    DAY_MS,
    MINUTE_MS,
    TICK_MS,
    is_working,
    midnight_spread_ms,
    next_tick_ms,
    next_working_ms,
    spread_target,
    view_gaps,
    views_possible,
    views_this_tick,
    working_minutes,
)

OFFICE = WorkingHours(
    time_zone="Europe/Berlin",
    start_minute=9 * 60,
    end_minute=17 * 60,
    weekdays=frozenset({1, 2, 3, 4, 5}),
)


def ms(text: str) -> int:
    """Milliseconds since the epoch of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def day_of(text: str) -> int:
    return ms(text) // DAY_MS


def every_day(time_zone: str, start_hour: int, end_hour: int) -> WorkingHours:
    return WorkingHours(time_zone=time_zone, start_minute=start_hour * 60, end_minute=end_hour * 60)


def test_burst_takes_fifteen_a_tick_until_the_cap() -> None:
    """Seed: up to 15 per tick, every 3 minutes."""
    used, taken, now = 0, [], ms("2026-07-15T00:04:00")
    while views := views_this_tick(pacing=Pacing.BURST, hours=None, cap=50, used=used, now_ms=now):
        taken.append(views)
        used += views
        now = next_tick_ms(pacing=Pacing.BURST, hours=None, now_ms=now)
    assert taken == [15, 15, 15, 5]
    assert now == ms("2026-07-15T00:16:00")


def test_a_lowered_cap_below_what_was_used_allows_nothing() -> None:
    assert views_this_tick(pacing=Pacing.BURST, hours=None, cap=5, used=50, now_ms=0) == 0


@pytest.mark.parametrize(
    ("time", "target"),
    [
        ("2026-07-15T06:59:59", 0),
        ("2026-07-15T07:00:00", 0),
        ("2026-07-15T11:00:00", 50),
        ("2026-07-15T14:56:59", 99),
        ("2026-07-15T14:57:00", 100),
        ("2026-07-15T14:59:00", 100),
        ("2026-07-15T20:00:00", 100),
    ],
)
def test_spread_target_follows_the_working_hours(time: str, target: int) -> None:
    assert spread_target(OFFICE, cap=100, now_ms=ms(time)) == target


@given(cap=st.integers(5, 100), second=st.integers(0, 86_399))
def test_spread_target_is_never_above_the_share_of_the_minute_that_runs(
    cap: int, second: int
) -> None:
    now = ms("2026-07-15T00:00:00") + second * 1000
    minute = second // 60 - 420
    # The last tick of the day begins in one of the last three minutes.
    begun = 480 if minute >= 477 else max(0, minute + 1)
    assert spread_target(OFFICE, cap=cap, now_ms=now) == cap * begun // 480


@pytest.mark.parametrize(
    "hours", [OFFICE, every_day("Pacific/Auckland", 9, 17), every_day("Asia/Kathmandu", 0, 24)]
)
@pytest.mark.parametrize("cap", [5, 46, 100])
def test_spread_uses_up_the_cap_within_the_day_and_no_more(hours: WorkingHours, cap: int) -> None:
    day = day_of("2026-07-15")
    now = next_working_ms(hours, from_ms=day * DAY_MS)
    used = 0
    while now < (day + 1) * DAY_MS:
        assert is_working(hours, now_ms=now)
        views = views_this_tick(pacing=Pacing.SPREAD, hours=hours, cap=cap, used=used, now_ms=now)
        assert views <= 15
        used += views
        due = next_tick_ms(pacing=Pacing.SPREAD, hours=hours, now_ms=now)
        assert due > now
        now = due
    assert used == cap


def test_spread_makes_no_views_outside_working_hours() -> None:
    for time in ("2026-07-15T06:59:00", "2026-07-15T15:00:00", "2026-07-18T10:00:00"):
        now = ms(time)
        assert not is_working(OFFICE, now_ms=now)
        views = views_this_tick(pacing=Pacing.SPREAD, hours=OFFICE, cap=100, used=0, now_ms=now)
        assert views == 0


def test_after_the_last_tick_spread_waits_for_the_next_working_day() -> None:
    friday = ms("2026-07-17T14:57:00")
    monday = next_tick_ms(pacing=Pacing.SPREAD, hours=OFFICE, now_ms=friday)
    assert monday == ms("2026-07-20T07:00:00")


@given(offset_ms=st.integers(0, 3 * TICK_MS), late_ms=st.integers(0, TICK_MS - 1))
def test_the_cap_is_used_up_whenever_ticks_come(offset_ms: int, late_ms: int) -> None:
    now, end = ms("2026-07-15T07:00:00") + offset_ms, ms("2026-07-15T15:00:00")
    used = 0
    while now < end:
        used += views_this_tick(pacing=Pacing.SPREAD, hours=OFFICE, cap=100, used=used, now_ms=now)
        # The store's rule: no tick within three minutes of the one before, and workers may be late.
        due = next_tick_ms(pacing=Pacing.SPREAD, hours=OFFICE, now_ms=now)
        assert due >= now + TICK_MS
        now = due + (late_ms if due + late_ms < end else 0)
    assert used == 100


def test_spread_ticks_every_three_minutes_meanwhile() -> None:
    now = ms("2026-07-15T10:00:30")
    assert next_tick_ms(pacing=Pacing.SPREAD, hours=OFFICE, now_ms=now) == now + TICK_MS


def test_a_utc_day_holds_parts_of_two_local_days() -> None:
    auckland = every_day("Pacific/Auckland", 9, 17)  # 21:00 to 05:00 UTC in July
    minutes = working_minutes(auckland, day_of("2026-07-15"))
    assert minutes == (*range(5 * 60), *range(21 * 60, 24 * 60))


def test_weekdays_are_local() -> None:
    monday_only = WorkingHours(
        time_zone="Pacific/Auckland",
        start_minute=9 * 60,
        end_minute=17 * 60,
        weekdays=frozenset({1}),
    )
    sunday = working_minutes(monday_only, day_of("2026-07-19"))
    assert sunday == tuple(range(21 * 60, 24 * 60))
    assert working_minutes(monday_only, day_of("2026-07-20")) == tuple(range(5 * 60))
    assert working_minutes(monday_only, day_of("2026-07-21")) == ()


@pytest.mark.parametrize(
    ("day", "total"), [("2026-03-28", 120), ("2026-03-29", 60), ("2026-10-25", 180)]
)
def test_summer_time_shortens_and_lengthens_the_night(day: str, total: int) -> None:
    night = every_day("Europe/Berlin", 2, 4)
    assert len(working_minutes(night, day_of(day))) == total


def test_hours_that_summer_time_swallows_are_skipped() -> None:
    gone = WorkingHours(
        time_zone="Europe/Berlin", start_minute=125, end_minute=175, weekdays=frozenset({7})
    )
    after_last_sunday = ms("2026-03-23T00:00:00")
    assert next_working_ms(gone, from_ms=after_last_sunday) == ms("2026-04-05T00:05:00")


def test_hours_that_never_come_are_an_error() -> None:
    never = WorkingHours(time_zone="UTC", start_minute=60, end_minute=60)
    with pytest.raises(ValueError, match="never come"):
        next_working_ms(never, from_ms=0)


def test_spread_without_working_hours_is_an_error() -> None:
    with pytest.raises(ValueError, match="working_hours"):
        next_tick_ms(pacing=Pacing.SPREAD, hours=None, now_ms=0)


def test_views_possible_counts_the_ticks_that_are_left() -> None:
    day = day_of("2026-07-15")
    burst = [
        views_possible(pacing=Pacing.BURST, hours=None, day=day, from_minute=minute)
        for minute in (0, 1434, 1437, 1439)
    ]
    assert burst == [7200, 30, 15, 15]
    spread = [
        views_possible(pacing=Pacing.SPREAD, hours=OFFICE, day=day, from_minute=minute)
        for minute in (0, 14 * 60 + 54, 14 * 60 + 59, 15 * 60)
    ]
    assert spread == [2400, 30, 15, 0]
    assert views_possible(pacing=Pacing.SPREAD, hours=OFFICE, day=day_of("2026-07-18")) == 0


def test_accounts_resume_within_fifteen_minutes_after_midnight_each_at_its_own_time() -> None:
    names = [f"workspaces/w/accounts/a{number}" for number in range(1000)]
    delays = [midnight_spread_ms(name) for name in names]
    assert delays == [midnight_spread_ms(name) for name in names]
    assert all(0 <= delay < 15 * MINUTE_MS for delay in delays)
    by_minute = [sum(delay // MINUTE_MS == minute for delay in delays) for minute in range(15)]
    assert min(by_minute) > 30


def test_gaps_repeat_with_their_seed_and_keep_their_bounds() -> None:
    gaps = list(islice(view_gaps(seed=7, shortest=2, longest=8), 500))
    assert gaps == list(islice(view_gaps(seed=7, shortest=2, longest=8), 500))
    assert gaps != list(islice(view_gaps(seed=8, shortest=2, longest=8), 500))
    assert all(2 <= gap <= 8 for gap in gaps)
    assert max(gaps) - min(gaps) > 5
    assert list(islice(view_gaps(seed=7, shortest=0, longest=0), 3)) == [0, 0, 0]
