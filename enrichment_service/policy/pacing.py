"""When an account's views are made: ticks, working hours, gaps, resumption after midnight."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from random import Random
from zlib import crc32
from zoneinfo import ZoneInfo

from enrichment_service.model import Pacing, WorkingHours

MINUTE_MS = 60_000
DAY_MS = 86_400_000
TICK_MS = 3 * MINUTE_MS
"""Seed: a tick every 3 minutes."""
VIEWS_A_TICK = 15
"""Seed: up to 15 a tick."""
MIDNIGHT_SPREAD_MS = 15 * MINUTE_MS
_TICK_MINUTES = TICK_MS // MINUTE_MS
_MINUTES_A_DAY = DAY_MS // MINUTE_MS
# Working hours come back within a week; the second week is for a day that summer time swallows.
_LOOK_AHEAD_DAYS = 15


@lru_cache(maxsize=4096)
def working_minutes(hours: WorkingHours, day: int) -> tuple[int, ...]:
    """The minutes of a UTC day (0 to 1439, ascending) that are working time.

    Each minute is looked up in the time zone by itself, so that summer time, and a UTC day that
    holds parts of two local days, need no rule of their own.

    Raises:
        ValueError, zoneinfo.ZoneInfoNotFoundError: the time zone is not an IANA name.
    """
    zone = ZoneInfo(hours.time_zone)

    def works(minute: int) -> bool:
        local = datetime.fromtimestamp((day * _MINUTES_A_DAY + minute) * 60, tz=zone)
        of_day = local.hour * 60 + local.minute
        return hours.start_minute <= of_day < hours.end_minute and (
            not hours.weekdays or local.isoweekday() in hours.weekdays
        )

    return tuple(minute for minute in range(_MINUTES_A_DAY) if works(minute))


def is_working(hours: WorkingHours, *, now_ms: int) -> bool:
    """Whether it is working time now."""
    day, minute = _split(now_ms)
    minutes = working_minutes(hours, day)
    index = bisect_left(minutes, minute)
    return index < len(minutes) and minutes[index] == minute


def next_working_ms(hours: WorkingHours, *, from_ms: int) -> int:
    """The first moment of working time at or after `from_ms`, in milliseconds since the epoch.

    Raises:
        ValueError: the working hours never come.
    """
    first_day, first_minute = _split(from_ms)
    for day in range(first_day, first_day + _LOOK_AHEAD_DAYS):
        minutes = working_minutes(hours, day)
        index = bisect_left(minutes, first_minute if day == first_day else 0)
        if index < len(minutes):
            return max(from_ms, day * DAY_MS + minutes[index] * MINUTE_MS)
    raise ValueError("the working hours never come: set start_minute, end_minute and weekdays anew")


def spread_target(hours: WorkingHours, *, cap: int, now_ms: int) -> int:
    """Views that the day may have had after a tick: floor(cap x elapsed / total working minutes).

    A minute counts as elapsed once it has begun. The last tick of a stretch of working time has all
    minutes up to its end, for no tick comes after it that could make their views.
    """
    day, minute = _split(now_ms)
    minutes = working_minutes(hours, day)
    following = minute + _TICK_MINUTES
    index = bisect_left(minutes, following)
    goes_on = index < len(minutes) and minutes[index] == following
    elapsed = bisect_right(minutes, minute if goes_on else following - 1)
    return cap * elapsed // len(minutes) if minutes else 0


def views_this_tick(
    *, pacing: Pacing, hours: WorkingHours | None, cap: int, used: int, now_ms: int
) -> int:
    """Views that the tick at `now_ms` may make; 0 outside working hours.

    Args:
        pacing: SPREAD needs `hours`.
        hours: working hours of the account.
        cap: views allowed today.
        used: views of today, charged or reserved, whatever for.
        now_ms: the calendar time.
    """
    target = cap
    if pacing is Pacing.SPREAD:
        needed = _needed(hours)
        target = spread_target(needed, cap=cap, now_ms=now_ms)
        if not is_working(needed, now_ms=now_ms):
            return 0
    return max(0, min(VIEWS_A_TICK, target - used))


def next_tick_ms(*, pacing: Pacing, hours: WorkingHours | None, now_ms: int) -> int:
    """When the tick after the one at `now_ms` is due, in milliseconds since the epoch."""
    due = now_ms + TICK_MS
    return due if pacing is not Pacing.SPREAD else next_working_ms(_needed(hours), from_ms=due)


def views_possible(
    *, pacing: Pacing, hours: WorkingHours | None, day: int, from_minute: int = 0
) -> int:
    """Views that ticks can make in a UTC day from a minute on, were there no cap.

    With SPREAD exact as long as a day holds half an hour of working time.
    """
    if pacing is Pacing.SPREAD:
        minutes = working_minutes(_needed(hours), day)
        left = len(minutes) - bisect_left(minutes, from_minute)
    else:
        left = _MINUTES_A_DAY - from_minute
    return VIEWS_A_TICK * -(-left // _TICK_MINUTES)


def midnight_spread_ms(account: str) -> int:
    """How long after 00:00 UTC an account resumes: always the same, below 15 minutes."""
    return crc32(account.encode()) % MIDNIGHT_SPREAD_MS


def view_gaps(*, seed: int, shortest: float, longest: float) -> Iterator[float]:
    """Endless gaps between views in seconds, even between the two bounds (2 to 8 by default)."""
    random = Random(seed)
    while True:
        yield random.uniform(shortest, longest)


def _split(now_ms: int) -> tuple[int, int]:
    """UTC day and minute of the day."""
    day, of_day = divmod(now_ms, DAY_MS)
    return day, of_day // MINUTE_MS


def _needed(hours: WorkingHours | None) -> WorkingHours:
    if hours is None:
        raise ValueError("SPREAD pacing needs working hours: set working_hours on the account")
    return hours
