"""What a process counts of itself: one registry a service, served as a page for Prometheus.

Labels are bounded: methods, codes, reasons and the like, never an id or a name of anybody's. What
has to be asked elsewhere is asked when the page is, by hooks that cost the same however much there
is.
"""

import asyncio
import platform
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version

import structlog
from prometheus_client import CollectorRegistry, Gauge, GCCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

Refresh = Callable[[], Awaitable[None]]

_log = structlog.get_logger("metrics")

_DISTRIBUTION = "linkedin-audiences-enrichment"
# Prometheus itself waits for 10 s.
_REFRESH_SECONDS = 3.0

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Buckets, in seconds, of what ought to be done in milliseconds."""
SLOW = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0)
"""Buckets, in seconds, of what may take its time."""


class Metrics:
    """The registry of one service, with what every process tells: CPU, memory, version."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        Gauge(
            "service_build_info",
            "The version that runs; always 1.",
            ["version", "python_version"],
            registry=self.registry,
        ).labels(distribution_version(), platform.python_version()).set(1)
        self._refreshes: list[Refresh] = []

    def before_scrape(self, refresh: Refresh) -> None:
        """Call ``refresh`` whenever the page is asked for, after those before it.

        It handles its own failures. Collectors of the registry run in a thread; this does not.
        """
        self._refreshes.append(refresh)

    async def page(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that the header asks for, and that format's content type."""
        try:
            async with asyncio.timeout(_REFRESH_SECONDS):
                for refresh in self._refreshes:
                    await refresh()
        except TimeoutError:
            # What this process knows by itself is told all the same.
            _log.warning("metrics_incomplete")
        encode, content_type = choose_encoder(accept)
        # Some milliseconds of work, in which calls go on.
        return await asyncio.to_thread(encode, self.registry), content_type


def distribution_version() -> str:
    """The version of this distribution; "unknown" where it runs without being installed."""
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"
