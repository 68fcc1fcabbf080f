"""What the store counts of the whole service, read when metrics are asked for.

Every process tells the same here: take the greatest over the processes, never the sum. The scripts
keep the counts, so a look costs the same for ten accounts and for a million.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from enrichment_service.model import PauseReason, Strategy, ViewPurpose
from enrichment_service.ports import PARTITIONS, RefusedError, StorePort
from servicekit.errors import ServiceError
from servicekit.metrics import Metrics

_log = structlog.get_logger("metrics")

_LOOKUPS = ("hit", "late_hit", "miss")


class StoreState(Collector):
    """The partitions as they were at the last look; without one only that the store is away."""

    def __init__(self, store: StorePort, *, metrics: Metrics) -> None:
        self._store = store
        self._partitions: list[dict[str, Any]] = []
        metrics.registry.register(self)
        metrics.before_scrape(self.refresh)

    @property
    def now_ms(self) -> int | None:
        """The store's calendar time at the last look, if there was one."""
        return max((int(each["now"]) for each in self._partitions), default=None)

    async def refresh(self) -> None:
        """Look at all partitions."""
        # Nothing old is told when this fails, or takes too long.
        self._partitions = []
        looks = (self._store.call(number, "describe_partition", {}) for number in range(PARTITIONS))
        try:
            self._partitions = await asyncio.gather(*looks)
        except (ServiceError, RefusedError) as error:
            _log.warning("store_not_described", reason=error.reason)

    def collect(self) -> Iterator[Metric]:
        """The metrics of all partitions together."""
        partitions = self._partitions
        yield GaugeMetricFamily(
            "enrichment_store_up", "Whether the store answered just now.", bool(partitions)
        )
        if not partitions:
            return
        yield from _accounts(partitions)
        yield from _views(partitions)
        yield from _ticks(partitions)
        yield from _log_of(partitions)
        yield GaugeMetricFamily(
            "enrichment_partitions_lost_today",
            "Partitions whose records were lost today: their budgets refuse until 00:00 UTC.",
            sum(bool(each["lost"]) for each in partitions),
        )


def _accounts(partitions: list[dict[str, Any]]) -> Iterator[Metric]:
    tally = _sum(each["tally"] for each in partitions)
    accounts = GaugeMetricFamily("enrichment_accounts", "Accounts.", labels=["strategy"])
    caps = GaugeMetricFamily(
        "enrichment_views_allowed_today",
        "Views that the caps of all accounts allow on this UTC day.",
        labels=["strategy"],
    )
    for strategy in Strategy:
        rows = [each["ramps"].get(strategy, {"accounts": 0, "cap": 0}) for each in partitions]
        accounts.add_metric([strategy], sum(row["accounts"] for row in rows))
        caps.add_metric([strategy], sum(row["cap"] for row in rows))
    paused = GaugeMetricFamily(
        "enrichment_accounts_paused", "Accounts that are paused now.", labels=["reason"]
    )
    pauses = CounterMetricFamily(
        "enrichment_account_pauses",
        "Pauses of accounts that began; CIRCUIT_OPEN are breakers that opened.",
        labels=["reason"],
    )
    for reason in PauseReason:
        paused.add_metric([reason], tally[f"paused:{reason}"])
        pauses.add_metric([reason], tally[f"pauses:{reason}"])
    yield from (accounts, caps, paused, pauses)


def _views(partitions: list[dict[str, Any]]) -> Iterator[Metric]:
    tally = _sum(each["tally"] for each in partitions)
    spent = _sum(each["spent"] for each in partitions)
    today = GaugeMetricFamily(
        "enrichment_views_spent_today",
        "Views charged on this UTC day, of all accounts.",
        labels=["purpose"],
    )
    for purpose in ViewPurpose:
        today.add_metric([purpose], spent[purpose])
    lookups = CounterMetricFamily(
        "enrichment_cache_lookups",
        "Profiles looked up in the cache; a late hit was queued at first.",
        labels=["result"],
    )
    for result in _LOOKUPS:
        lookups.add_metric([result], tally[f"cache:{result}"])
    yield from (today, lookups)


def _ticks(partitions: list[dict[str, Any]]) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "enrichment_ticks_due",
        "Accounts whose tick is due and not begun.",
        sum(each["due"] for each in partitions),
    )
    yield GaugeMetricFamily(
        "enrichment_ticks_due_oldest_seconds",
        "How long the tick that is due longest has been due.",
        max(each["late_ms"] for each in partitions) / 1000,
    )
    yield GaugeMetricFamily(
        "enrichment_ticks_leased",
        "Accounts that a worker has under its lease.",
        sum(each["working"] for each in partitions),
    )


def _log_of(partitions: list[dict[str, Any]]) -> Iterator[Metric]:
    logs = [each["log"] for each in partitions]
    yield CounterMetricFamily(
        "enrichment_events_appended",
        "Events appended to the log.",
        sum(log["added"] for log in logs),
    )
    yield GaugeMetricFamily(
        "enrichment_event_log_entries", "Events kept.", sum(log["length"] for log in logs)
    )
    yield GaugeMetricFamily(
        "enrichment_event_log_oldest_seconds",
        "Age of the oldest event kept.",
        max(log["age_ms"] for log in logs) / 1000,
    )
    yield GaugeMetricFamily(
        "enrichment_event_log_retention_seconds",
        "How long events are kept.",
        min(log["retention_ms"] for log in logs) / 1000,
    )


def _sum(counts: Iterable[dict[str, str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update({field: int(count) for field, count in each.items()})
    return total
