"""Warnings and errors of the log as a metric, so that an alert can name what a line would say."""

from collections.abc import Mapping

from prometheus_client import Counter
from structlog.typing import EventDict

from servicekit.metrics import Metrics

_COUNTED = frozenset({"warning", "error", "critical"})
# Names of events are constants of the code; those of other libraries may be anything.
_MOST_EVENTS = 200
_OTHER = "other"


class LogMetrics:
    """A processor of structlog that counts what passes."""

    def __init__(self, metrics: Metrics, *, expected: Mapping[str, str] | None = None) -> None:
        """``expected`` are events, and their levels, that are counted from 0.

        Prometheus sees no increase when a series begins with 1.
        """
        self._events = Counter(
            "service_log_events_total",
            "Warnings and errors in the log, by the name of the event and the work it belongs to.",
            ["level", "event", "work"],
            registry=metrics.registry,
        )
        for event, level in (expected or {}).items():
            self._events.labels(level, event, "")
        self._known: set[tuple[str, str, str]] = set()

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        level = str(event.get("level", ""))
        if level in _COUNTED:
            # Only structlog's own lines: what other libraries say is a text, and may name anybody.
            name = _OTHER if "_record" in event else str(event.get("event", ""))
            self._events.labels(*self._bounded((level, name, str(event.get("work", ""))))).inc()
        return event

    def _bounded(self, key: tuple[str, str, str]) -> tuple[str, str, str]:
        if key not in self._known:
            if len(self._known) >= _MOST_EVENTS:
                return key[0], _OTHER, ""
            self._known.add(key)
        return key
