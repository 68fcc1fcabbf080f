"""The coming days of an account, drawn."""

from collections.abc import Iterator, Sequence
from typing import Final

from clients.audiencectl.plan import PlannedDay
from clients.audiencectl.plots import plot

_HEIGHT: Final = 12
_WIDEST: Final = 100
_DAYS: Final = "days from today (UTC)"


def plots(days: Sequence[PlannedDay], *, width: int) -> Iterator[str]:
    """Two drawings of at least one day: the profiles left, and the views against the cap."""
    size = min(width, _WIDEST), _HEIGHT
    numbers = range(len(days))
    yield plot(
        f"profiles left after each day, {days[0].day} to {days[-1].day} (UTC)",
        days=numbers,
        line=[each.left for each in days],
        x_unit=_DAYS,
        y_unit="profiles",
        size=size,
    )
    yield plot(
        "views a day (█) and the cap (─)",
        days=numbers,
        line=[each.cap for each in days],
        bars=[each.views for each in days],
        x_unit=_DAYS,
        y_unit="views a day",
        size=size,
    )
