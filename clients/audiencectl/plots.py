"""Plots in the terminal: whole numbers on both axes, each with its unit."""

from collections.abc import Sequence
from typing import Final

import plotext

_MOST_TICKS: Final = {"x": 8, "y": 5}


def plot(
    title: str,
    *,
    days: Sequence[int],
    line: Sequence[int],
    bars: Sequence[int] = (),
    x_unit: str,
    y_unit: str,
    size: tuple[int, int],
) -> str:
    """A line over days, and bars behind it if there are any.

    Args:
        title: what stands above it.
        days: at least one number in ascending order, a step of one between them.
        line: a value of each day.
        bars: another one of each day.
        x_unit: what the days count.
        y_unit: what the values count.
        size: characters across and lines down.
    """
    figure = plotext.figure.clear()
    figure.plot_size(*size)
    figure.title(title)
    top = max(1, *line, *bars)
    figure.ruler("y").lim(0, top * 1.1)
    if bars:
        figure.draw(figure.bar(list(days), list(bars), width=1.0))
    figure.draw(figure.signal(list(days), list(line), marker="─").lines())
    # Bars bring ticks of their own, so these come last.
    for axis, unit, (least, most) in (
        ("x", f"{x_unit} →", (days[0], days[-1])),
        ("y", f"↑ {y_unit}", (0, top)),
    ):
        ticks = _ticks(least, most, at_most=_MOST_TICKS[axis])
        figure.label(unit, axis)
        figure.ruler(axis).ticks(ticks, [f"{each:,}" for each in ticks])
    drawing: str = figure.build().string(colorless=True)
    return drawing


def _ticks(least: int, most: int, *, at_most: int) -> list[int]:
    """Whole numbers from ``least`` to ``most``, about evenly."""
    steps = at_most - 1
    return sorted({least + (most - least) * step // steps for step in range(at_most)})
