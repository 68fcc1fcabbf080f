"""Protobuf JSON for programs, tables for people."""

import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from enrichment.v1.enrichments_pb2 import Forecast
from enrichment.v1.pauses_pb2 import Pause, PauseReason
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text


def show(message: Message, *, as_json: bool, table: Callable[[], RenderableType]) -> None:
    """Print the message as JSON, or what ``table`` makes of it."""
    if as_json:
        print_json(message)
    else:
        Console().print(table())


def print_json(message: Message, *, indent: int | None = 2) -> None:
    """Canonical protobuf JSON; without an indent on one line, at once."""
    sys.stdout.write(MessageToJson(message, indent=indent, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def table_of(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> Table:
    """A table; whatever is a number stands to the right."""
    listed = [list(row) for row in rows]
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        numbers = bool(listed) and all(isinstance(row[index], int | float) for row in listed)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in listed:
        table.add_row(*(_cell(value) for value in row))
    return table


def fields_of(pairs: Iterable[tuple[str, object]], *, title: str | None = None) -> Table:
    """One thing, a field a line."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, value in pairs:
        table.add_row(label, _cell(value))
    return table


def short(name: str) -> str:
    """The last part of a resource name."""
    return name.rpartition("/")[2]


def counted(count: float, one: str, many: str = "") -> str:
    """`1 account`, `2 accounts`; ``many`` is the plural where it is not ``one`` with an s."""
    number = f"{count:,}" if isinstance(count, int) else f"{count:g}"
    return f"{number} {one if count == 1 else many or one + 's'}"


def word(kind: str, label: str) -> str:
    """An enum value for people: `ACCOUNT_STRATEGY_NEW` of the kind `ACCOUNT_STRATEGY` is `new`."""
    return label.removeprefix(f"{kind}_").lower().replace("_", " ")


def when(timestamp: Timestamp) -> str:
    """`2026-11-22 05:30` in UTC, or nothing."""
    if not timestamp.seconds:
        return ""
    return f"{datetime.fromtimestamp(timestamp.seconds, tz=UTC):%Y-%m-%d %H:%M}"


def pause_in_words(pause: Pause) -> str:
    """Why, and until when or for whom it waits; empty when there is no pause."""
    if not pause.reason:
        return ""
    reason = word("PAUSE_REASON", PauseReason.Name(pause.reason))
    if pause.waits_for_person:
        return f"{reason}, waits for a person"
    until = when(pause.until_time)
    return f"{reason}, until {until}" if until else reason


def forecast_in_words(forecast: Forecast) -> str:
    """Days and dates; empty when nothing is left to view."""
    if not forecast.remaining_views:
        return ""
    dates = forecast.earliest_complete_date
    if forecast.latest_complete_date not in ("", dates):
        dates += f" to {forecast.latest_complete_date}"
    return (
        f"{counted(forecast.remaining_views, 'view')}: {counted(forecast.days_with_ramp, 'day')}, "
        f"done {dates} ({counted(forecast.days_at_todays_cap, 'day')} at today's cap, "
        f"{forecast.days_at_full_cap:g} at the full cap)"
    )


def printable(text: str) -> str:
    """The text without control characters: a profile's headline must not steer the terminal."""
    return "".join(" " if unicodedata.category(each) == "Cc" else each for each in text)


def _cell(value: object) -> Text:
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    # Text and not a string: what people call themselves may look like markup.
    return Text(f"{value:,}" if isinstance(value, int) else printable(str(value)))
