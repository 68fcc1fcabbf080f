"""Plots: what the axes count stands on them, and they count in whole numbers."""

import re

import pytest

from clients.audiencectl.plots import plot


@pytest.mark.parametrize("days", [1, 2, 3, 60])
@pytest.mark.parametrize("views", [0, 1, 7, 12_000])
def test_axes_have_units_and_whole_numbers(days: int, views: int) -> None:
    drawn = plot(
        "views",
        days=range(days),
        line=[views + 1] * days,
        bars=[views] * days,
        x_unit="days from today",
        y_unit="views a day",
        size=(80, 14),
    )
    *rows, x_ticks, units, _ = drawn.split("\n")
    assert re.fullmatch(r"↑ views a day +days from today → *", units)
    y_ticks = [row.partition("┤")[0] for row in rows if "┤" in row]
    assert y_ticks[0].strip() == f"{views + 1:,}"
    for number in [*y_ticks, *x_ticks.split()]:
        assert re.fullmatch(r" *[0-9,]+", number)
    assert x_ticks.split()[-1] == str(days - 1)
    assert len(x_ticks.split()) <= 8
