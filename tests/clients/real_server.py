"""A small real server for the tests of the clients: a test gives it only the methods it needs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


class RealServer:
    """A running server on ``address``; ``kill`` drops every connection at once."""

    def __init__(self, server: grpc.aio.Server, *, port: int) -> None:
        self._server = server
        self.port = port
        self.address = f"127.0.0.1:{port}"

    async def kill(self) -> None:
        """End it without grace."""
        await self._server.stop(None)


@asynccontextmanager
async def serving(*handlers: grpc.GenericRpcHandler, port: int = 0) -> AsyncIterator[RealServer]:
    """Serve these methods on a free port, or on ``port``."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(handlers)
    running = RealServer(server, port=server.add_insecure_port(f"127.0.0.1:{port}"))
    await server.start()
    try:
        yield running
    finally:
        await running.kill()


def unary(
    path: str,
    answer: Callable[
        [RequestT, grpc.aio.ServicerContext[RequestT, ResponseT]], Awaitable[ResponseT]
    ],
    *,
    request: type[RequestT],
    response: type[ResponseT],
) -> grpc.GenericRpcHandler:
    """One unary method, ``package.Service/Method``."""
    service, _, method = path.partition("/")
    handler = grpc.unary_unary_rpc_method_handler(
        answer, request.FromString, response.SerializeToString
    )
    return grpc.method_handlers_generic_handler(service, {method: handler})


def server_stream(
    path: str,
    answer: Callable[[RequestT, grpc.aio.ServicerContext[RequestT, ResponseT]], Awaitable[None]],
    *,
    request: type[RequestT],
    response: type[ResponseT],
) -> grpc.GenericRpcHandler:
    """One method that streams its answers by ``context.write``."""
    service, _, method = path.partition("/")
    handler = grpc.unary_stream_rpc_method_handler(
        answer, request.FromString, response.SerializeToString
    )
    return grpc.method_handlers_generic_handler(service, {method: handler})


def both_streams(
    path: str,
    answer: Callable[
        [AsyncIterator[RequestT], grpc.aio.ServicerContext[RequestT, ResponseT]], Awaitable[None]
    ],
    *,
    request: type[RequestT],
    response: type[ResponseT],
) -> grpc.GenericRpcHandler:
    """One method that streams both ways."""
    service, _, method = path.partition("/")
    handler = grpc.stream_stream_rpc_method_handler(
        answer, request.FromString, response.SerializeToString
    )
    return grpc.method_handlers_generic_handler(service, {method: handler})


def rich_status(
    code: grpc.StatusCode, message: str, details: Sequence[Message]
) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """The arguments of ``context.abort`` for an error with details."""
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        status.details.add().Pack(detail)
    return code, message, (("grpc-status-details-bin", status.SerializeToString()),)


def error_info(reason: str) -> error_details_pb2.ErrorInfo:
    """An ErrorInfo with this reason."""
    return error_details_pb2.ErrorInfo(
        reason=reason, domain="enrichment.v1", metadata={"limit": "10"}
    )
