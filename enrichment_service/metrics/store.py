"""The store as it is seen from here: how long its functions take, and what they refuse."""

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from prometheus_client import Counter, Histogram

from enrichment_service.event_log import LogStore
from enrichment_service.model import ViewPurpose
from enrichment_service.ports import RefusedError
from servicekit import tracing
from servicekit.errors import ServiceError
from servicekit.metrics import QUICK, Metrics

_OUTCOMES = ("ENRICHED", "PARTIAL", "FAILED", "RETRY")
_FAILURES = (
    "STORE_NOT_REACHED",
    "STORE_NOT_READY",
    "STORE_NOT_REPLICATED",
    "STORE_OUTCOME_UNKNOWN",
    "STORE_UNFIT",
)


@cache
def _span_of(function: str) -> tuple[str, Mapping[str, str]]:
    """Name and attributes of the span of a call; functions are few."""
    return f"store {function}", {"db.system.name": "redis", "db.operation.name": function}


class ObservedStore:
    """A store whose calls are counted and timed."""

    def __init__(self, store: LogStore, *, metrics: Metrics) -> None:
        self._store = store
        registry = metrics.registry
        self._seconds = Histogram(
            "enrichment_store_call_seconds",
            "How long calls of the store's functions took.",
            ["function"],
            buckets=QUICK,
            registry=registry,
        )
        self._refusals = Counter(
            "enrichment_store_refusals_total",
            "Calls that a function of the store refused, which changed nothing.",
            ["function", "reason"],
            registry=registry,
        )
        self._failures = Counter(
            "enrichment_store_failures_total",
            "Calls that the store did not answer, or took no part in.",
            ["reason"],
            registry=registry,
        )
        self._exhausted = Counter(
            "enrichment_budget_refusals_total",
            "Requests for views that a budget refused.",
            ["purpose"],
            registry=registry,
        )
        self._views = Counter(
            "enrichment_views_total",
            "Views of profiles that were written down, by what became of the profile.",
            ["outcome", "charged"],
            registry=registry,
        )
        # From 0 on: Prometheus sees no increase when a series begins with 1.
        for outcome in _OUTCOMES:
            self._views.labels(outcome, "true")
        for purpose in ViewPurpose:
            self._exhausted.labels(purpose)
        for reason in _FAILURES:
            self._failures.labels(reason)
        self._timers: dict[str, Histogram] = {}

    def epoch(self, partition: int) -> str:
        """As of the store."""
        return self._store.epoch(partition)

    async def call(self, partition: int, function: str, request: Mapping[str, object]) -> Any:
        """As of the store."""
        started = time.perf_counter()
        try:
            with tracing.part(*_span_of(function)):
                answer = await self._store.call(partition, function, request)
        except RefusedError as refusal:
            self._refusals.labels(function, refusal.reason).inc()
            if refusal.reason == "VIEW_BUDGET_EXHAUSTED":
                self._exhausted.labels(str(request["purpose"])).inc()
            raise
        except ServiceError as error:
            self._failures.labels(error.reason).inc()
            raise
        finally:
            self._timer(function).observe(time.perf_counter() - started)
        if function == "finish_view":
            charged = "true" if request["charged"] else "false"
            self._views.labels(str(request["outcome"]), charged).inc()
        return answer

    def _timer(self, function: str) -> Histogram:
        timer = self._timers.get(function)
        if timer is None:
            timer = self._timers[function] = self._seconds.labels(function)
        return timer
