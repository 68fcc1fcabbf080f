"""How many subscriptions one caller may have open."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from servicekit.errors import QuotaViolation, resource_exhausted

_RETRY_AFTER_MS = 5_000


class SubscriptionLimit:
    """Counts the open subscriptions of each caller in this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    @contextmanager
    def taken(self, caller: str) -> Iterator[None]:
        """One more while it lasts; RESOURCE_EXHAUSTED, TOO_MANY_SUBSCRIPTIONS, at the limit."""
        if self._open[caller] >= self._most:
            raise resource_exhausted(
                "TOO_MANY_SUBSCRIPTIONS",
                f"You have {self._most} subscriptions open here, which is the limit. End those "
                "that nobody reads, join several by a wider filter, or come back later.",
                quota=[
                    QuotaViolation(subject="caller", description=f"{self._most} open subscriptions")
                ],
                retry_after_ms=_RETRY_AFTER_MS,
            )
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]
