"""The coming days of an account, drawn."""

from collections.abc import Iterator, Sequence
from typing import Final

import plotext

from clients.audiencectl.plan import PlannedDay

_HEIGHT: Final = 12
_WIDEST: Final = 100


def plots(days: Sequence[PlannedDay], *, width: int) -> Iterator[str]:
    """Two drawings of at least one day: the profiles left, and the views against the cap."""
    yield _left_plot(days, width=min(width, _WIDEST))
    yield _views_plot(days, width=min(width, _WIDEST))


def _left_plot(days: Sequence[PlannedDay], *, width: int) -> str:
    figure = plotext.figure.clear()
    figure.plot_size(width, _HEIGHT)
    figure.title(f"profiles left after each day, {_span(days)}")
    figure.label("days from today", "x")
    numbers = list(range(len(days)))
    left = [each.left for each in days]
    figure.ruler("y").lim(0, max(left[0] + days[0].views, 1))
    figure.draw(figure.signal(numbers, left, marker="─").lines())
    drawing: str = figure.build().string(colorless=True)
    return drawing


def _views_plot(days: Sequence[PlannedDay], *, width: int) -> str:
    figure = plotext.figure.clear()
    figure.plot_size(width, _HEIGHT)
    figure.title("views a day (█) and the cap (─)")
    figure.label("days from today", "x")
    numbers = list(range(len(days)))
    caps = [each.cap for each in days]
    figure.ruler("y").lim(0, max(caps) * 1.1 + 1)
    figure.draw(figure.bar(numbers, [each.views for each in days], width=1.0))
    figure.draw(figure.signal(numbers, caps, marker="─").lines())
    drawing: str = figure.build().string(colorless=True)
    return drawing


def _span(days: Sequence[PlannedDay]) -> str:
    return f"{days[0].day} to {days[-1].day} (UTC)"
