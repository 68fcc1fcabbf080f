"""Counts and times of calls by method, under the names that gRPC middleware commonly gives them."""

from prometheus_client import Counter, Gauge, Histogram

from servicekit.metrics import QUICK, Metrics

_LABELS = ("grpc_type", "grpc_service", "grpc_method")
# Reasons are constants of the contract. Should one ever be made up, it must not fill the page.
_MOST_REASONS = 200
_OTHER = "OTHER"


class CallMetrics:
    """The calls that this server answers."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.started = Counter(
            "grpc_server_started_total", "Calls that began.", _LABELS, registry=registry
        )
        self.handled = Counter(
            "grpc_server_handled_total",
            "Calls that ended, by status code.",
            [*_LABELS, "grpc_code"],
            registry=registry,
        )
        self.seconds = Histogram(
            "grpc_server_handling_seconds",
            "How long calls took; of streams, how long they stayed open.",
            _LABELS,
            buckets=QUICK,
            registry=registry,
        )
        self.in_flight = Gauge(
            "grpc_server_in_flight_calls", "Calls and streams open now.", _LABELS, registry=registry
        )
        self.reasons = Counter(
            "grpc_server_error_reasons_total",
            "Calls that failed, by the reason in their ErrorInfo.",
            ["grpc_service", "grpc_method", "reason"],
            registry=registry,
        )
        self._known_reasons: set[str] = set()

    def of(self, *, service: str, method: str, kind: str) -> "MethodMetrics":
        """Those of one method; ``kind`` is unary, server_stream, client_stream or bidi_stream."""
        return MethodMetrics(self, service=service, method=method, kind=kind)

    def bounded(self, reason: str) -> str:
        """The reason, or OTHER when there are too many."""
        if reason not in self._known_reasons:
            if len(self._known_reasons) >= _MOST_REASONS:
                return _OTHER
            self._known_reasons.add(reason)
        return reason


class MethodMetrics:
    """One method's counters, looked up once: a call pays for the counting only."""

    def __init__(self, calls: CallMetrics, *, service: str, method: str, kind: str) -> None:
        self._calls = calls
        self._labels = (kind, service, method)
        self._started = calls.started.labels(*self._labels)
        self._seconds = calls.seconds.labels(*self._labels)
        self._in_flight = calls.in_flight.labels(*self._labels)
        self._by_code = {"OK": calls.handled.labels(*self._labels, "OK")}

    def begin(self) -> None:
        """A call begins."""
        self._started.inc()
        self._in_flight.inc()

    def end(self, *, code: str, reason: str, seconds: float) -> None:
        """It ended with a status code, and a reason unless it went well."""
        self._in_flight.dec()
        self._seconds.observe(seconds)
        by_code = self._by_code.get(code)
        if by_code is None:
            by_code = self._by_code[code] = self._calls.handled.labels(*self._labels, code)
        by_code.inc()
        if reason:
            bounded = self._calls.bounded(reason)
            self._calls.reasons.labels(self._labels[1], self._labels[2], bounded).inc()
