"""Counts and times of calls by method, under the names that gRPC middleware commonly gives them.

Every call is counted, so that is plain arithmetic here; Prometheus's own counters lock each time.
Calls are counted by the event loop alone, and whoever collects only looks.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from servicekit.metrics import QUICK, Metrics

_LABELS = ("grpc_type", "grpc_service", "grpc_method")
_BOUNDS = (*map(str, QUICK), "+Inf")
# Reasons are constants of the contract. Should one ever be made up, it must not fill the page.
_MOST_REASONS = 200
_OTHER = "OTHER"


class CallMetrics(Collector):
    """The calls that this server answers."""

    def __init__(self, metrics: Metrics) -> None:
        self._methods: list[MethodMetrics] = []
        self._reasons: set[str] = set()
        metrics.registry.register(self)

    def of(self, *, service: str, method: str, kind: str) -> "MethodMetrics":
        """Those of one method; ``kind`` is unary, server_stream, client_stream or bidi_stream."""
        counted = MethodMetrics(self, service=service, method=method, kind=kind)
        self._methods.append(counted)
        return counted

    def bounded(self, reason: str) -> str:
        """The reason, or OTHER when there are too many."""
        if reason not in self._reasons:
            if len(self._reasons) >= _MOST_REASONS:
                return _OTHER
            self._reasons.add(reason)
        return reason

    def collect(self) -> Iterator[Metric]:
        """All methods, also those that nobody has called."""
        started = CounterMetricFamily("grpc_server_started", "Calls that began.", labels=_LABELS)
        handled = CounterMetricFamily(
            "grpc_server_handled",
            "Calls that ended, by status code.",
            labels=[*_LABELS, "grpc_code"],
        )
        seconds = HistogramMetricFamily(
            "grpc_server_handling_seconds",
            "How long calls took; of streams, how long they stayed open.",
            labels=_LABELS,
        )
        in_flight = GaugeMetricFamily(
            "grpc_server_in_flight_calls", "Calls and streams open now.", labels=_LABELS
        )
        reasons = CounterMetricFamily(
            "grpc_server_error_reasons",
            "Calls that failed, by the reason in their ErrorInfo.",
            labels=["grpc_service", "grpc_method", "reason"],
        )
        for each in self._methods:
            started.add_metric(each.labels, each.started)
            in_flight.add_metric(each.labels, each.in_flight)
            counts = accumulate(each.by_bound)
            seconds.add_metric(each.labels, list(zip(_BOUNDS, counts, strict=True)), each.seconds)
            for code, count in list(each.by_code.items()):
                handled.add_metric([*each.labels, code], count)
            for reason, count in list(each.by_reason.items()):
                reasons.add_metric([*each.labels[1:], reason], count)
        yield from (started, handled, seconds, in_flight, reasons)


class MethodMetrics:
    """What is counted of one method."""

    __slots__ = (
        "_calls",
        "by_bound",
        "by_code",
        "by_reason",
        "in_flight",
        "labels",
        "seconds",
        "started",
    )

    def __init__(self, calls: CallMetrics, *, service: str, method: str, kind: str) -> None:
        self._calls = calls
        self.labels = [kind, service, method]
        self.started = 0
        self.in_flight = 0
        self.seconds = 0.0
        self.by_bound = [0] * len(_BOUNDS)
        self.by_code: Counter[str] = Counter({"OK": 0})
        self.by_reason: Counter[str] = Counter()

    def begin(self) -> None:
        """A call begins."""
        self.started += 1
        self.in_flight += 1

    def end(self, *, code: str, reason: str, seconds: float) -> None:
        """It ended with a status code, and a reason unless it went well."""
        self.in_flight -= 1
        self.seconds += seconds
        self.by_bound[bisect_left(QUICK, seconds)] += 1
        self.by_code[code] += 1
        if reason:
            self.by_reason[self._calls.bounded(reason)] += 1
