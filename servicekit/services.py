"""Collects the handlers of servicers, wrapped, for the server to serve."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message

from servicekit.calls import Calls, Handler

ServicerT = TypeVar("ServicerT")

# The two versions of reflection differ in nothing but the name, and tools ask for either.
_SAME_SERVICE = {"grpc.reflection.v1alpha.ServerReflection": "grpc.reflection.v1.ServerReflection"}


@dataclass(frozen=True)
class Service(Generic[ServicerT]):
    """A servicer and the generated function that adds it: ``Service(add_X_to_server, X())``."""

    add: Callable[[ServicerT, grpc.aio.Server], None]
    servicer: ServicerT


class _Recorder:
    """Stands in for the server while the generated code adds handlers to it."""

    def __init__(self) -> None:
        self.methods: dict[str, Mapping[str, Handler]] = {}

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Ignored: the generated code gives the same handlers by name as well."""

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        self.methods[service_name] = method_handlers


def handlers_of(services: Sequence[Service[Any]]) -> dict[str, Mapping[str, Handler]]:
    """The bare handlers by full service name and method."""
    recorder = _Recorder()
    for service in services:
        service.add(service.servicer, cast("grpc.aio.Server", recorder))
    return recorder.methods


def methods_of(handlers: Mapping[str, Mapping[str, Handler]]) -> list[str]:
    """Full method names, such as ``enrichment.v1.AccountService/GetAccount``."""
    return [f"{service}/{method}" for service, methods in handlers.items() for method in methods]


def request_types(service_names: Iterable[str]) -> list[type[Message]]:
    """The message types that callers of these services send."""
    pool = descriptor_pool.Default()
    return [
        message_factory.GetMessageClass(method.input_type)
        for name in service_names
        for method in pool.FindServiceByName(name).methods
    ]


class WrappedHandlers(grpc.GenericRpcHandler):
    """Every method of all services, found by one look-up.

    Not registered method by method: grpc.aio then waits on one future a method for every call.
    """

    def __init__(self, handlers: Mapping[str, Mapping[str, Handler]], *, calls: Calls) -> None:
        self._handlers: dict[str, Handler] = {}
        for service, methods in handlers.items():
            for method, handler in methods.items():
                wrapped = calls.wrap(handler, service=service, method=method)
                self._handlers[f"/{service}/{method}"] = wrapped
                if service in _SAME_SERVICE:
                    self._handlers[f"/{_SAME_SERVICE[service]}/{method}"] = wrapped

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        """The handler of a call, None for an unknown method."""
        return self._handlers.get(handler_call_details.method)
