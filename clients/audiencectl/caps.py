"""The daily caps of the strategies, by ramp week."""

from datetime import date

# Views a day by ramp week; the last one stays (seed: 10 to 60 in six weeks, 50 to 100 in two).
_CAPS = {
    "new": (10, 20, 30, 40, 50, 60),
    "established": (30, 46, 63, 80),
    "veteran": (50, 100),
    "recovery": (5, 8, 12, 15, 19, 22, 26, 30),
}


def cap_on(day: date, *, strategy: str, ramp_start: date) -> int:
    """Views that the strategy allows on this day."""
    caps = _CAPS[strategy]
    week = (day - ramp_start).days // 7
    return caps[min(week, len(caps) - 1)]
