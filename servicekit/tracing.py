"""Traces, for whoever sets an address for them: the parts of a call, and how long each took.

A trace begins with a call, or with a step of background work, and goes on in the other service by
the W3C header `traceparent`. It never leaves for the provider or for LinkedIn: what goes on inside
is not for outsiders. Spans name methods, functions and statements; no ids, no parameters and no
texts of exceptions, all of which may name a person. What goes on inside a stream is no part of its
trace, which would grow for days.

Tracing is off until it is started, for the process as a whole as logging is; off, it costs a look.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from servicekit.errors import Code
from servicekit.metrics import distribution_version

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Attributes = Mapping[str, str | int | bool]

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_HEADERS: Final = frozenset({"traceparent", "tracestate"})
_ENDPOINT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_OFF: Final = nullcontext(trace.INVALID_SPAN)
_IN_A_STREAM: Final = otel_context.create_key("in-a-stream")
_NOT_TRACED: Final = "/grpc."
_FLUSH_SECONDS: Final = 2.0
# Those that are the server's own fault; the others are answers.
_FAULTS: Final = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)


class Tracing:
    """The process's traces, sent to a collector until closed."""

    def __init__(self) -> None:
        self._provider: TracerProvider | None = None
        self._stop_sending: Callable[[], None]
        self.tracer: trace.Tracer | None = None

    def start(self, *, service: str, endpoint: str) -> None:
        """Trace from now on, if an address is given here or by the standard variables."""
        if not endpoint and not any(os.environ.get(name) for name in _ENDPOINT_VARIABLES):
            return
        # Only whoever traces pays for loading this.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create(
            {"service.name": service, "service.version": distribution_version()}
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint or None)
        self._stop_sending = exporter.shutdown
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer = self._provider.get_tracer("linkedin-audiences-enrichment")

    async def close(self) -> None:
        """Send what is left, if the collector takes it within seconds, and stop."""
        provider, self._provider, self.tracer = self._provider, None, None
        if provider is None:
            return
        ending = asyncio.create_task(asyncio.to_thread(provider.shutdown))
        await asyncio.wait([ending], timeout=_FLUSH_SECONDS)
        if not ending.done():
            # It tries again and again to reach a collector that is away; this ends that.
            await asyncio.to_thread(self._stop_sending)
        await ending


TRACING: Final = Tracing()


def root(name: str) -> AbstractContextManager[Span]:
    """A trace of its own, for a step of background work."""
    if TRACING.tracer is None:
        return _OFF
    return _current(TRACING.tracer, name, SpanKind.INTERNAL, {}, otel_context.Context())


def part(
    name: str, attributes: Attributes, *, kind: SpanKind = SpanKind.CLIENT
) -> AbstractContextManager[Span]:
    """A part of the trace under way; nothing outside one, or inside a stream."""
    if TRACING.tracer is None or not _in_a_trace():
        return _OFF
    return _current(TRACING.tracer, name, kind, attributes, None)


def begin_part(name: str, attributes: Attributes) -> Span | None:
    """The same for what begins and ends in different places; whoever gets it ends it."""
    if TRACING.tracer is None or not _in_a_trace():
        return None
    return TRACING.tracer.start_span(name, kind=SpanKind.CLIENT, attributes=dict(attributes))


def served(
    method: str, metadata: Iterable[tuple[str, str | bytes]] | None, *, streams: bool
) -> AbstractContextManager[Span]:
    """A call that is answered here: part of its caller's trace, if that came with one.

    Health checks and reflection are nobody's trace.
    """
    if TRACING.tracer is None or method.startswith(_NOT_TRACED):
        return _OFF
    carrier = {key: value for key, value in metadata or () if key in _HEADERS}
    parent = _PROPAGATOR.extract(carrier, otel_context.Context())
    if streams:
        parent = otel_context.set_value(_IN_A_STREAM, True, parent)
    return _current(TRACING.tracer, method.lstrip("/"), SpanKind.SERVER, _rpc(method), parent)


def called(method: str) -> AbstractContextManager[Span]:
    """A call of another service of ours; ``outgoing_headers`` inside it take the trace there."""
    return part(method.lstrip("/"), _rpc(method))


def outgoing_headers() -> list[tuple[str, str]]:
    """Metadata that makes what another service of ours does a part of this trace."""
    if TRACING.tracer is None or not _in_a_trace():
        return []
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return list(carrier.items())


def mark(span: Span, *, code: str, reason: str = "") -> None:
    """Write down how a call ended: status code by name, and the reason of an error."""
    if not span.is_recording():
        return
    span.set_attribute("rpc.grpc.status_code", Code[code].value if code != "OK" else 0)
    if reason:
        span.set_attribute("error.type", reason)
    if code in _FAULTS:
        span.set_status(StatusCode.ERROR)


def trace_ids() -> dict[str, str]:
    """Ids of the trace and span under way, for log lines; empty outside one."""
    if TRACING.tracer is None:
        return {}
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(current.trace_id),
        "span_id": trace.format_span_id(current.span_id),
    }


@contextmanager
def _current(
    tracer: trace.Tracer,
    name: str,
    kind: SpanKind,
    attributes: Attributes,
    parent: otel_context.Context | None,
) -> Iterator[Span]:
    span = tracer.start_span(name, context=parent, kind=kind, attributes=dict(attributes))
    token = otel_context.attach(trace.set_span_in_context(span, parent))
    try:
        yield span
    except BaseException as error:
        # Never its text.
        span.set_status(StatusCode.ERROR, type(error).__qualname__)
        raise
    finally:
        otel_context.detach(token)
        span.end()


def _in_a_trace() -> bool:
    if otel_context.get_value(_IN_A_STREAM):
        return False
    return trace.get_current_span().get_span_context().is_valid


def _rpc(method: str) -> Attributes:
    service, _, name = method.lstrip("/").rpartition("/")
    return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}
