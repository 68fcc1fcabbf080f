"""Subscribers of the event log: how many each consumer has, and how far behind they are."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from enrichment_service.metrics.state import StoreState
from servicekit.metrics import Metrics

_MOST_CONSUMERS = 50
_OTHER = "other"

Lags = Callable[[int], list[tuple[str, int]]]
"""What `Events.lags` tells: every consumer and how far behind it is, at a time, in ms."""


class SubscriptionLags(Collector):
    """The subscriptions of this process."""

    def __init__(self, lags: Lags, *, state: StoreState, metrics: Metrics) -> None:
        """`state` knows the store's time, and looks at it before this does."""
        self._lags = lags
        self._state = state
        self._known: set[str] = set()
        self._open: list[tuple[str, int]] = []
        metrics.registry.register(self)
        metrics.before_scrape(self._refresh)

    async def _refresh(self) -> None:
        self._open = self._lags(self._state.now_ms or 0)

    def collect(self) -> Iterator[Metric]:
        """Names that were seen once stay, with nobody behind."""
        now_ms = self._state.now_ms
        count: Counter[str] = Counter()
        lags: dict[str, int] = {}
        for consumer, lag_ms in self._open:
            name = self._bounded(consumer)
            count[name] += 1
            lags[name] = max(lags.get(name, 0), lag_ms)
        subscriptions = GaugeMetricFamily(
            "enrichment_event_subscriptions",
            "Subscriptions to events that are open here.",
            labels=["consumer"],
        )
        lag = GaugeMetricFamily(
            "enrichment_event_subscription_lag_seconds",
            "Age of the oldest event that a consumer has not got, of its furthest subscription.",
            labels=["consumer"],
        )
        for name in sorted(self._known):
            subscriptions.add_metric([name], count[name])
            if now_ms is not None:
                lag.add_metric([name], lags.get(name, 0) / 1000)
        yield from (subscriptions, lag)

    def _bounded(self, consumer: str) -> str:
        if consumer not in self._known and len(self._known) >= _MOST_CONSUMERS:
            consumer = _OTHER
        self._known.add(consumer)
        return consumer
