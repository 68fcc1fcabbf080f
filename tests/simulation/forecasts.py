"""How far forecasts were from what came about."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from enrichment.v1.events_pb2 import EVENT_TYPE_ENRICHMENT_IDLE

from tests.simulation.history import History


@dataclass(frozen=True, kw_only=True)
class Error:
    """One forecast and the day on which the enrichment was done.

    Attributes:
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


def _date(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, tz=UTC).date()
