"""The connected-account provider as it is seen from here: how long views take, and what came."""

import time

from prometheus_client import Histogram

from enrichment_service.ports import ProfileSource
from enrichment_service.view_results import ViewResult
from servicekit import tracing
from servicekit.metrics import QUICK, Metrics


class ObservedSource:
    """A source whose views are timed."""

    def __init__(self, source: ProfileSource, *, metrics: Metrics) -> None:
        self._source = source
        self._seconds = Histogram(
            "enrichment_provider_request_seconds",
            "How long requests for a profile took, by what they brought back and HTTP status.",
            ["finding", "status"],
            buckets=QUICK,
            registry=metrics.registry,
        )

    async def view(
        self, *, provider_account_id: str, identifier: str, known_id: str, deadline_seconds: float
    ) -> ViewResult:
        """As of the source."""
        started = time.perf_counter()
        # Nothing of the trace goes along: the URL names a person, and our inside is not theirs.
        with tracing.part("provider view", {"http.request.method": "GET"}) as span:
            result = await self._source.view(
                provider_account_id=provider_account_id,
                identifier=identifier,
                known_id=known_id,
                deadline_seconds=deadline_seconds,
            )
            status = "" if result.status is None else str(result.status)
            span.set_attribute("http.response.status_code", result.status or 0)
            span.set_attribute("finding", result.finding)
        self._seconds.labels(result.finding, status).observe(time.perf_counter() - started)
        return result
