"""Imports, submissions and linking as they are worked here."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from audience_service.import_model import RowCounts
from audience_service.observing import Observer
from servicekit import tracing
from servicekit.metrics import QUICK, SLOW, Metrics
from servicekit.request_ids import work_id


class ObservedBackground(Observer):
    """Counts and times what the observer hears of."""

    def __init__(self, *, metrics: Metrics) -> None:
        registry = metrics.registry
        self._steps = Histogram(
            "audience_background_step_seconds",
            "How long steps of background work took.",
            ["work"],
            buckets=QUICK,
            registry=registry,
        )
        self._rows, self._imports, self._running = _of_imports(registry)
        self._waiting = Gauge(
            "audience_submissions_waiting",
            "Audiences with something to tell the enrichment service; resting after a failure.",
            ["state"],
            registry=registry,
        )
        self._submitted = Counter(
            "audience_profiles_submitted_total",
            "Profiles handed to the enrichment service.",
            registry=registry,
        )
        self._linking_lag = Histogram(
            "audience_linking_lag_seconds",
            "From an event to its commit here, in calendar time.",
            buckets=(*QUICK, *SLOW[3:]),
            registry=registry,
        )
        self._linked = Gauge(
            "audience_linking_last_commit_timestamp_seconds",
            "When the position in the log was last written by this process; at most 15 s ago while "
            "it follows.",
            registry=registry,
        )
        self._snapshots = Counter(
            "audience_linking_snapshots_total",
            "Snapshots taken because the log could not be read on.",
            registry=registry,
        )
        for state in ("ready", "resting"):
            self._waiting.labels(state)

    @contextmanager
    def work(self, name: str) -> Iterator[None]:
        """As of the observer."""
        started = time.perf_counter()
        try:
            # The id ties the lines of both services.
            with tracing.root(f"background {name}"), work_id():
                yield
        finally:
            self._steps.labels(name).observe(time.perf_counter() - started)

    @contextmanager
    def import_running(self) -> Iterator[None]:
        """As of the observer."""
        with self._running.track_inprogress():
            yield

    def rows_applied(self, counts: Mapping[str, int]) -> None:
        """As of the observer."""
        for row_class, count in counts.items():
            self._rows.labels(row_class).inc(count)

    def import_ended(self, *, accepted: bool, seconds: float) -> None:
        """As of the observer."""
        self._imports.labels("done" if accepted else "refused").observe(seconds)

    def audiences_waiting(self, *, ready: int, resting: int) -> None:
        """As of the observer."""
        self._waiting.labels("ready").set(ready)
        self._waiting.labels("resting").set(resting)

    def profiles_submitted(self, count: int) -> None:
        """As of the observer."""
        self._submitted.inc(count)

    def events_linked(self, lags_ms: Sequence[int]) -> None:
        """As of the observer."""
        self._linked.set_to_current_time()
        for lag_ms in lags_ms:
            self._linking_lag.observe(max(0, lag_ms) / 1000)

    def snapshot_begun(self) -> None:
        """As of the observer."""
        self._snapshots.inc()


def _of_imports(registry: CollectorRegistry) -> tuple[Counter, Histogram, Gauge]:
    rows = Counter(
        "audience_import_rows_total",
        "Rows of imports that were written, by what became of them.",
        ["row_class"],
        registry=registry,
    )
    imports = Histogram(
        "audience_import_seconds",
        "From the beginning of an import to its end, its upload included, in calendar time.",
        ["result"],
        buckets=SLOW,
        registry=registry,
    )
    running = Gauge(
        "audience_imports_running",
        "Imports that this process checks or applies now.",
        registry=registry,
    )
    for each in fields(RowCounts):
        rows.labels(each.name)
    for result in ("done", "refused"):
        imports.labels(result)
    return rows, imports, running
