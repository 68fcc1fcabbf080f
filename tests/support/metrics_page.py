"""A metrics page as Prometheus reads it."""

import asyncio
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


@dataclass(frozen=True)
class MetricsPage:
    """The samples of one scrape."""

    text: str
    families: list[Metric]

    @property
    def samples(self) -> list[Sample]:
        """All samples."""
        return [sample for family in self.families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 without any."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    @property
    def known(self) -> set[str]:
        """What a query may name, also where nothing has been counted yet."""
        return {
            family.name + suffix
            for family in self.families
            for suffix in _SUFFIXES.get(family.type, ("",))
        }


async def read_metrics(address: str) -> MetricsPage:
    """What is served at ``address`` (host:port) now."""
    text = await asyncio.to_thread(_get, f"http://{address}/metrics")
    return MetricsPage(text, list(text_string_to_metric_families(text)))


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
