"""One wrapper around every method: access, validation, errors, request id, deadline, access log.

Handlers are rebuilt once, when the server is built. That costs a call less than interceptors,
which gRPC asks again on every call, and a servicer that cannot work is refused at start.

A servicer method is ``async def`` (coroutine or async generator). It gets a valid request, raises
ServiceError for what is expected, and may raise anything else: the caller learns only an error id.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message

from servicekit import tracing
from servicekit.access import AccessTable
from servicekit.admission import Admission
from servicekit.call_metrics import CallMetrics, MethodMetrics
from servicekit.call_record import CallRecord
from servicekit.caller_limit import CallerLimit
from servicekit.callers import Caller, current_caller
from servicekit.errors import Code, ServiceError, unimplemented
from servicekit.receiving import Receive, as_they_come, parser, receiver
from servicekit.request_ids import REQUEST_ID_KEY, current_request_id, request_id_of
from servicekit.status import grpc_code, status_metadata
from servicekit.unimplemented import is_missing

# gRPC's handlers hold bytes or messages of any type, depending on their serializers.
Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[Any, Context], Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


def call_limit(most: int) -> CallerLimit:
    """Refuses with TOO_MANY_CALLS."""
    return CallerLimit(
        most,
        reason="TOO_MANY_CALLS",
        things="calls",
        advice="Wait for some to end, and end streams that nobody reads.",
    )


class Calls:
    """Wraps handlers; ``default_deadline_seconds`` is for unary calls that bring none."""

    def __init__(
        self,
        *,
        admission: Admission,
        access: AccessTable,
        limit: CallerLimit,
        default_deadline_seconds: float,
        metrics: CallMetrics,
    ) -> None:
        self._admission = admission
        self._access = access
        self._limit = limit
        self._default_deadline = default_deadline_seconds
        self._metrics = metrics

    def wrap(self, handler: Handler, *, service: str, method: str) -> Handler:
        """The handler with everything around it; TypeError for a method that is not async."""
        # Typed as synchronous by the stubs, and optional by the kind of the handler.
        behaviour: Any = (
            handler.unary_unary
            or handler.unary_stream
            or handler.stream_unary
            or handler.stream_stream
        )
        if is_missing(behaviour):
            behaviour = _missing(f"{service}.{method}")
        full_name = f"/{service}/{method}"
        if not (
            inspect.iscoroutinefunction(behaviour)
            or (handler.response_streaming and inspect.isasyncgenfunction(behaviour))
        ):
            raise TypeError(f"{full_name} must be 'async def'")
        if handler.request_deserializer is None or handler.response_serializer is None:
            raise TypeError(f"{full_name} must have messages of protobuf")
        rule = self._access[full_name.removeprefix("/")]
        parse = parser(handler.request_deserializer, rule, streamed=handler.request_streaming)
        receive = as_they_come if handler.request_streaming else receiver(parse)
        if handler.response_streaming:
            run = _streaming(behaviour, receive)
        else:
            run = _unary(
                behaviour,
                receive,
                handler.response_serializer,
                None if handler.request_streaming else self._default_deadline,
            )
        call = _guard(
            run,
            partial(self._admission.admit, rule),
            self._limit,
            method=full_name,
            domain=_package(service),
            metrics=self._metrics.of(service=service, method=method, kind=_kind(handler)),
            streams=handler.request_streaming or handler.response_streaming,
        )
        return _rebuild(handler, call, parse)


def _guard(
    run: Behaviour,
    admit: Callable[[Context, str], Awaitable[Caller]],
    limit: CallerLimit,
    *,
    method: str,
    domain: str,
    metrics: MethodMetrics,
    streams: bool,
) -> Behaviour:
    """Runs one call with its id, caller, span and log line; turns what it raises into a status."""

    async def call(requests: Any, context: Context) -> Any:
        # gRPC makes both anew whenever they are asked for.
        metadata, peer = context.invocation_metadata(), context.peer()
        request_id = request_id_of(metadata)
        current_request_id.set(request_id)
        context.set_trailing_metadata(((REQUEST_ID_KEY, request_id),))
        record = CallRecord(method=method, peer=peer, request_id=request_id, metrics=metrics)
        with tracing.served(method, metadata, streams=streams) as span:
            try:
                caller = await admit(context, peer)
                current_caller.set(caller)
                record.caller = caller.name if caller.scopes is not None else ""
                limit.take(caller.name)
                try:
                    return await run(requests, context)
                finally:
                    limit.give_back(caller.name)
            except BaseException as error:
                await _fail(error, record, context, domain=domain)
                raise
            finally:
                record.write()
                tracing.mark(span, code=record.code, reason=record.reason)

    return call


async def _fail(error: BaseException, record: CallRecord, context: Context, *, domain: str) -> None:
    """Answer with the status of ``error``; returns when the error must go on as it is."""
    if isinstance(error, grpc.aio.AbortError):
        # The servicer ended the call by itself.
        record.code = context.code().name
        return
    if not isinstance(error, Exception) or context.done() or _is_broken_off(error):
        # Cancelled, by the caller or by the end of the server: nobody listens any more.
        record.code = Code.CANCELLED.name
        return
    known = error if isinstance(error, ServiceError) else _internal(record.write_unexpected(error))
    record.code, record.reason = known.code.name, known.reason
    message, details = status_metadata(known, domain=domain)
    await context.abort(grpc_code(known.code), message, (*context.trailing_metadata(), details))


def _is_broken_off(error: Exception) -> bool:
    """Whether gRPC itself gave up on the call: the caller is gone, or the server has stopped."""
    return isinstance(error, grpc.aio.BaseError) and not isinstance(error, grpc.aio.UsageError)


def _unary(
    behaviour: Behaviour,
    receive: Receive,
    serialize: Callable[[Any], bytes],
    default_deadline: float | None,
) -> Behaviour:
    """One response. It is serialised in here, so that a failure of that is reported like others."""

    async def run(requests: Any, context: Context) -> bytes:
        message = await receive(requests, context)
        if default_deadline is None or context.time_remaining() is not None:
            return serialize(await behaviour(message, context))
        try:
            async with asyncio.timeout(default_deadline) as deadline:
                response = await behaviour(message, context)
        except TimeoutError:
            if deadline.expired():
                raise _too_late(default_deadline) from None
            raise
        return serialize(response)

    return run


def _streaming(behaviour: Behaviour, receive: Receive) -> Behaviour:
    """Many responses. Generators are drained here: gRPC would not close them when callers go."""
    generates = inspect.isasyncgenfunction(behaviour)

    async def run(requests: Any, context: Context) -> None:
        message = await receive(requests, context)
        # At once, not with the first message: the caller knows that the stream is open.
        await context.send_initial_metadata(context.trailing_metadata())
        if generates:
            async with aclosing(behaviour(message, context)) as responses:
                async for response in responses:
                    await context.write(response)
        else:
            await behaviour(message, context)

    return run


def _rebuild(handler: Handler, call: Behaviour, parse: Callable[[bytes], Message]) -> Handler:
    # Also for one request: of a unary method gRPC would take it in, up to the largest size, before
    # asking us whether this caller may send any. Messages of a stream are parsed as they are read.
    parse_message = parse if handler.request_streaming else None
    if handler.response_streaming:
        serialize = _serializer(handler.response_serializer)
        return grpc.stream_stream_rpc_method_handler(call, parse_message, serialize)
    return grpc.stream_unary_rpc_method_handler(call, parse_message, None)


def _serializer(serialize: Callable[[Any], bytes] | None) -> Callable[[Any], bytes]:
    """Lets a stream write bytes, too: what many streams send is then serialised once."""
    assert serialize is not None

    def to_bytes(message: Any) -> bytes:
        return message if isinstance(message, bytes) else serialize(message)

    return to_bytes


def _missing(name: str) -> Behaviour:
    async def answer(_request: Any, _context: Context) -> None:
        raise unimplemented(missing=name)

    return answer


def _kind(handler: Handler) -> str:
    if handler.request_streaming:
        return "bidi_stream" if handler.response_streaming else "client_stream"
    return "server_stream" if handler.response_streaming else "unary"


def _package(service: str) -> str:
    return service.rpartition(".")[0]


def _internal(error_id: str) -> ServiceError:
    return ServiceError(
        code=Code.INTERNAL,
        reason="INTERNAL_ERROR",
        message=f"Something went wrong here. If it stays, ask the operators about {error_id}.",
        metadata={"error_id": error_id},
    )


def _too_late(seconds: float) -> ServiceError:
    return ServiceError(
        code=Code.DEADLINE_EXCEEDED,
        reason="DEFAULT_DEADLINE_EXCEEDED",
        message=f"Not done within {seconds:g} s. Set a deadline of your own to wait longer.",
    )
