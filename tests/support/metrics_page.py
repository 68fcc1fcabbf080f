"""A metrics page as Prometheus reads it."""

import asyncio
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


@dataclass(frozen=True)
class MetricsPage:
    """The samples of one scrape."""

    text: str
    samples: list[Sample]

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 without any."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    @property
    def names(self) -> set[str]:
        """What a query may name."""
        return {sample.name for sample in self.samples}


async def read_metrics(address: str) -> MetricsPage:
    """What is served at ``address`` (host:port) now."""
    text = await asyncio.to_thread(_get, f"http://{address}/metrics")
    families = text_string_to_metric_families(text)
    return MetricsPage(text, [sample for family in families for sample in family.samples])


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())


async def metrics_when(
    address: str, holds: Callable[[MetricsPage], bool], *, seconds: float = 20.0
) -> MetricsPage:
    """The first page for which it holds."""
    async with asyncio.timeout(seconds):
        while True:
            page = await read_metrics(address)
            if holds(page):
                return page
            await asyncio.sleep(0.02)
