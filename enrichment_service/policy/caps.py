"""The daily cap of views by strategy and ramp week (seed: enrichment daily caps).

Days are whole days since 1970-01-01 UTC. Integer arithmetic only: the store's scripts follow the
same rule and must come to the same numbers.
"""

from typing import NamedTuple

from enrichment_service.model import Strategy


class Ramp(NamedTuple):
    """How a cap grows: `first` views a day in week 1, `full` from week `weeks` on."""

    first: int
    full: int
    weeks: int


RAMP = {
    Strategy.NEW: Ramp(first=10, full=60, weeks=6),
    Strategy.ESTABLISHED: Ramp(first=30, full=80, weeks=4),
    Strategy.VETERAN: Ramp(first=50, full=100, weeks=2),
    Strategy.RECOVERY: Ramp(first=5, full=30, weeks=8),
}
DAYS_A_WEEK = 7


def ramp_week(*, ramp_start_day: int, day: int) -> int:
    """Week of the ramp on `day`, from 1; week 1 also before the ramp begins."""
    return max(0, day - ramp_start_day) // DAYS_A_WEEK + 1


def daily_cap(strategy: Strategy, *, ramp_start_day: int, day: int) -> int:
    """Views allowed on `day`: linear from first to full, rounded down."""
    ramp = RAMP[strategy]
    week = min(ramp_week(ramp_start_day=ramp_start_day, day=day), ramp.weeks)
    return ramp.first + (ramp.full - ramp.first) * (week - 1) // (ramp.weeks - 1)


def full_cap(strategy: Strategy) -> int:
    """Views allowed a day once the ramp is over."""
    return RAMP[strategy].full
