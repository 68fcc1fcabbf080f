"""Things are counted as people count them: 1 account, 2 accounts."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from enrichment.v1.enrichments_pb2 import Forecast

from clients import audiencectl
from clients.audiencectl.output import counted, forecast_in_words

_FILES = sorted(Path(audiencectl.__file__).parent.glob("*.py"))
# What follows a value and is no plural: verbs of one, and milliseconds.
_NO_PLURALS = {"answers", "does", "ends", "expires", "has", "holds", "is", "lacks", "ms"}
_NO_PLURALS |= {"says", "serves", "stays", "waits"}
_PLURAL = re.compile(r" ([a-z]+s|people)\b")


@pytest.mark.parametrize(
    ("count", "one", "many", "words"),
    [
        (0, "row", "", "0 rows"),
        (1, "row", "", "1 row"),
        (1200, "row", "", "1,200 rows"),
        (1, "person", "people", "1 person"),
        (2, "person", "people", "2 people"),
        (1.0, "day", "", "1 day"),
        (0.1, "day", "", "0.1 days"),
        (16.7, "day", "", "16.7 days"),
    ],
)
def test_one_and_many(count: float, one: str, many: str, words: str) -> None:
    assert counted(count, one, many) == words


def test_a_forecast_of_one_view_is_one_day() -> None:
    forecast = Forecast(
        remaining_views=1,
        days_with_ramp=1,
        days_at_todays_cap=0.1,
        days_at_full_cap=0.02,
        earliest_complete_date="2026-03-02",
        latest_complete_date="2026-03-02",
    )
    assert forecast_in_words(forecast) == (
        "1 view: 1 day, done 2026-03-02 (0.1 days at today's cap, 0.02 at the full cap)"
    )


@pytest.mark.parametrize("file", _FILES, ids=lambda file: str(file.stem))
def test_no_number_stands_before_a_plural_by_itself(file: Path) -> None:
    assert not [text for text in _after_values(file) if _is_plural(text)]


def _after_values(file: Path) -> Iterator[str]:
    """The texts that follow a value in an f-string."""
    for node in ast.walk(ast.parse(file.read_text())):
        values = node.values if isinstance(node, ast.JoinedStr) else []
        for value, after in pairwise(values):
            if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
                yield str(after.value)


def _is_plural(text: str) -> bool:
    found = _PLURAL.match(text)
    return found is not None and found[1] not in _NO_PLURALS
