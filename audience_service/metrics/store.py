"""The database as it is seen from here: how long transactions take, and which fail."""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from audience_service.ports import Store, Transaction
from servicekit import tracing
from servicekit.errors import ServiceError
from servicekit.metrics import QUICK, Metrics

ResultT = TypeVar("ResultT")


class ObservedStore:
    """A store whose transactions are counted and timed; waiting for one's turn included."""

    def __init__(self, store: Store, *, metrics: Metrics) -> None:
        self._store = store
        self._seconds = Histogram(
            "audience_database_transaction_seconds",
            "How long transactions took, with the wait for their turn.",
            ["kind"],
            buckets=QUICK,
            registry=metrics.registry,
        )
        self._failures = Counter(
            "audience_database_failures_total",
            "Transactions that failed because the database did not answer.",
            ["kind"],
            registry=metrics.registry,
        )
        for kind in ("read", "write"):
            self._seconds.labels(kind)
            self._failures.labels(kind)

    async def read(self, work: Callable[[Transaction], Awaitable[ResultT]]) -> ResultT:
        """As of the store."""
        with self._observed("read"):
            return await self._store.read(work)

    async def write(
        self, workspaces: Sequence[str], work: Callable[[Transaction], Awaitable[ResultT]]
    ) -> ResultT:
        """As of the store."""
        with self._observed("write"):
            return await self._store.write(workspaces, work)

    @contextmanager
    def _observed(self, kind: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            with tracing.part(f"transaction {kind}", {}, kind=SpanKind.INTERNAL):
                yield
        except ServiceError as error:
            if error.reason == "DATABASE_UNAVAILABLE":
                self._failures.labels(kind).inc()
            raise
        finally:
            self._seconds.labels(kind).observe(time.perf_counter() - started)
