"""LinkedIn's Marketing API as it is seen from here."""

import time
from collections.abc import Callable

from prometheus_client import Gauge, Histogram

from audience_service.model import AudienceSize
from audience_service.ports import LinkedInAds
from servicekit import tracing
from servicekit.errors import ServiceError
from servicekit.metrics import QUICK, Metrics

_OK = "OK"


class ObservedAds:
    """Counts and times what is asked of LinkedIn; what the cache answers is not asked."""

    def __init__(self, ads: LinkedInAds, *, metrics: Metrics) -> None:
        self._ads = ads
        self._seconds = Histogram(
            "audience_linkedin_request_seconds",
            "How long audience counts took at LinkedIn, repeats included, by outcome.",
            ["outcome"],
            buckets=QUICK,
            registry=metrics.registry,
        )
        self._seconds.labels(_OK)
        self._silence = Gauge(
            "audience_linkedin_quota_silence_seconds",
            "How long nothing is asked of LinkedIn, because the day's quota is used up.",
            registry=metrics.registry,
        )

    def watch_silence(self, silence_ms: Callable[[], int]) -> None:
        """Tell how long the silence lasts that ``silence_ms`` knows of."""
        self._silence.set_function(lambda: silence_ms() / 1000)

    async def count(self, query: str, *, token: str) -> AudienceSize:
        """As of LinkedIn."""
        started, outcome = time.perf_counter(), "CANCELLED"
        try:
            # Nothing of the trace goes along.
            with tracing.part("linkedin audienceCounts", {"http.request.method": "GET"}):
                size = await self._ads.count(query, token=token)
            outcome = _OK
        except ServiceError as error:
            outcome = error.reason
            raise
        finally:
            self._seconds.labels(outcome).observe(time.perf_counter() - started)
        return size
