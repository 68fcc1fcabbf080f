"""How much of something one caller may have open at a time."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from servicekit.errors import QuotaViolation, resource_exhausted

_RETRY_AFTER_MS = 5_000


class CallerLimit:
    """Counts, in this process, what each caller has open."""

    def __init__(self, most: int, *, reason: str, things: str, advice: str) -> None:
        """``things`` (such as "calls") and ``advice`` are what a refused caller is told."""
        self._most = most
        self._reason = reason
        self._things = things
        self._advice = advice
        self._open: Counter[str] = Counter()

    def take(self, caller: str) -> None:
        """One more, until it is given back; RESOURCE_EXHAUSTED with the reason at the limit."""
        if self._open[caller] >= self._most:
            raise resource_exhausted(
                self._reason,
                f"You have {self._most} {self._things} open here, which is the limit. "
                f"{self._advice}",
                quota=[
                    QuotaViolation(
                        subject="caller", description=f"{self._most} open {self._things}"
                    )
                ],
                retry_after_ms=_RETRY_AFTER_MS,
            )
        self._open[caller] += 1

    def give_back(self, caller: str) -> None:
        """One less."""
        self._open[caller] -= 1
        if not self._open[caller]:
            del self._open[caller]

    @contextmanager
    def taken(self, caller: str) -> Iterator[None]:
        """One more while it lasts, as `take`."""
        self.take(caller)
        try:
            yield
        finally:
            self.give_back(caller)
