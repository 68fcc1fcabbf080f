"""How far forecasts were from what came about.

`python -m tests.simulation.forecasts FOLDER` sums what `--forecasts FOLDER` left there, of however
many runs and seeds, into the table of docs/forecast.md.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from enrichment.v1.events_pb2 import EVENT_TYPE_ENRICHMENT_IDLE

from tests.simulation.history import History


@dataclass(frozen=True, kw_only=True)
class Error:
    """One forecast and the day on which the enrichment was done.

    Attributes:
        faulty: with a provider that misbehaves, kills and campaigns that spend.
        days_ahead: days from the asking to the earliest day that was foretold.
        days_late: days after the earliest day that was foretold; negative if before.
        inside: done between the earliest and the latest day.
    """

    faulty: bool
    days_ahead: int
    days_late: int
    inside: bool


def forecast_errors(history: History) -> list[Error]:
    """Of every forecast whose enrichment was done by itself afterwards."""
    done: dict[str, int] = {}
    errors = []
    for event in history.events:
        if event.type == EVENT_TYPE_ENRICHMENT_IDLE:
            done["/".join(event.enrichment.split("/")[1::2])] = event.event_time.ToMilliseconds()
    for foretold in history.foretold:
        ended = _date(done[foretold.enrichment])
        earliest = date.fromisoformat(foretold.earliest)
        latest = date.fromisoformat(foretold.latest)
        errors.append(
            Error(
                faulty=history.plan.faulty,
                days_ahead=(earliest - _date(foretold.asked_ms)).days,
                days_late=(ended - earliest).days,
                inside=earliest <= ended <= latest,
            )
        )
    return errors


def write_errors(errors: list[Error], *, folder: Path, name: str) -> None:
    """Keeps the errors of one simulation; an earlier run of the same name is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps([asdict(error) for error in errors]))


def read_errors(folder: Path) -> list[Error]:
    """The errors of all simulations that were kept there."""
    return [
        Error(**error)
        for file in sorted(folder.glob("*.json"))
        for error in json.loads(file.read_text())
    ]


def table(errors: Iterable[Error]) -> Iterator[str]:
    """The errors as lines of Markdown, by how far ahead was foretold."""
    kept = list(errors)
    yield (
        "| | forecasts | days after the earliest day: median | 90 % up to | most "
        "| inside [earliest, latest] |"
    )
    yield "|---|---|---|---|---|---|"
    for faulty, least, most, what in (
        (False, 0, 10**6, "without faults"),
        (True, 0, 10**6, "with faults (errors, throttling, kills, campaigns that spend)"),
        (True, 0, 7, "of these, foretold up to a week ahead"),
        (True, 8, 28, "one to four weeks"),
        (True, 29, 10**6, "more than four weeks"),
    ):
        some = [e for e in kept if e.faulty is faulty and least <= e.days_ahead <= most]
        if not some:
            continue
        late = sorted(error.days_late for error in some)
        inside = 100 * sum(error.inside for error in some) / len(some)
        yield (
            f"| {what} | {len(some):,} | {late[len(late) // 2]} | {late[len(late) * 9 // 10]} "
            f"| {late[-1]} | {inside:.1f} % |"
        )


def _date(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, tz=UTC).date()


if __name__ == "__main__":
    print("\n".join(table(read_errors(Path(sys.argv[1])))))
