"""A collector of traces: the OTLP service over gRPC, which keeps what it is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class SeenSpan:
    """A span that was exported, with the service it is of."""

    service: str
    span: Span
    attributes: dict[str, str | int | bool] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace_id(self) -> str:
        return self.span.trace_id.hex()


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps all spans; ``endpoint`` is where it listens."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.spans: list[SeenSpan] = []
        self.raw = bytearray()

    # The context is of any type, as the stubs of gRPC have it.
    async def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: Any
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        self.raw += request.SerializeToString()
        for resource in request.resource_spans:
            about = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_seen(about["service.name"], span) for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    async def until(self, holds: Callable[[list[SeenSpan]], bool]) -> list[SeenSpan]:
        """All spans, once it holds of them; at most 20 s."""
        async with asyncio.timeout(20):
            while True:
                if holds(self.spans):
                    return self.spans
                await asyncio.sleep(0.02)


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector on a free port."""
    collector = Collector()
    server = grpc.aio.server()
    # Generated without types.
    add: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    collector.endpoint = f"http://127.0.0.1:{port}"
    try:
        yield collector
    finally:
        await server.stop(None)


def _seen(service: str, span: Span) -> SeenSpan:
    attributes = {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value")
        for each in span.attributes
    }
    return SeenSpan(service, span, attributes)
