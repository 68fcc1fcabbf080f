"""Calls of another service of ours: timed, with the request id and the trace going along."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from prometheus_client import Counter, Histogram

from servicekit import tracing
from servicekit.metrics import QUICK, Metrics
from servicekit.request_ids import REQUEST_ID_KEY, current_request_id


class OutgoingCalls(grpc.aio.UnaryUnaryClientInterceptor):
    """An interceptor for the channel; it sees every attempt of a call that is repeated.

    Streams pass as they are: each would be one span for days.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._seconds = Histogram(
            "grpc_client_handling_seconds",
            "How long calls of other services took.",
            ["grpc_service", "grpc_method"],
            buckets=QUICK,
            registry=metrics.registry,
        )
        self._handled = Counter(
            "grpc_client_handled_total",
            "Calls of other services that ended, by status code.",
            ["grpc_service", "grpc_method", "grpc_code"],
            registry=metrics.registry,
        )

    # Requests and responses are of any type, as the stubs of gRPC have it.
    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        """As of gRPC."""
        method = _text(client_call_details.method)
        service, _, name = method.lstrip("/").rpartition("/")
        started = time.perf_counter()
        with tracing.called(method) as span:
            call = await continuation(_with_headers(client_call_details), request)
            try:
                code = (await call.code()).name
            except asyncio.CancelledError:
                call.cancel()
                raise
            tracing.mark(span, code=code)
        self._seconds.labels(service, name).observe(time.perf_counter() - started)
        self._handled.labels(service, name, code).inc()
        return call


def _with_headers(details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
    headers = tracing.outgoing_headers()
    request_id = current_request_id.get()
    if request_id:
        headers.append((REQUEST_ID_KEY, request_id))
    if not headers:
        return details
    metadata = grpc.aio.Metadata(*(details.metadata or ()), *headers)
    return grpc.aio.ClientCallDetails(
        details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
    )


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method
