"""Ticks as they are worked here."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge, Histogram

from enrichment_service.ports import TickObserver
from servicekit import tracing
from servicekit.metrics import SLOW, Metrics
from servicekit.request_ids import work_id


class ObservedTicks(TickObserver):
    """How late ticks begin, and how long they take."""

    def __init__(self, *, metrics: Metrics) -> None:
        registry = metrics.registry
        self._late = Histogram(
            "enrichment_tick_lateness_seconds",
            "How long ticks had been due when they began, in calendar time.",
            buckets=SLOW,
            registry=registry,
        )
        self._seconds = Histogram(
            "enrichment_tick_seconds",
            "How long ticks took, with the gaps between their views.",
            buckets=SLOW,
            registry=registry,
        )
        self._running = Gauge(
            "enrichment_ticks_running", "Ticks that this process works now.", registry=registry
        )

    @contextmanager
    def tick(self, *, late_ms: int) -> Iterator[None]:
        """As of the observer."""
        self._late.observe(late_ms / 1000)
        started = time.perf_counter()
        with self._running.track_inprogress():
            try:
                with tracing.root("tick"), work_id():
                    yield
            finally:
                self._seconds.observe(time.perf_counter() - started)
