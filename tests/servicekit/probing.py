"""Helpers for tests against the probe service, and for reading the status of failed calls."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from servicekit.access import AccessTable, Rule
from servicekit.server import RunningServer
from servicekit.services import Service

PROBE_ACCESS: AccessTable = {
    f"probe.v1.ProbeService/{method}": Rule(scope="probe.read", names=("text",))
    for method in ("Ask", "Listen", "Collect", "Talk")
} | {
    f"probe.v1.ProbeService/{method}": Rule(scope="probe.read")
    for method in ("Absent", "AbsentStream")
}
"""What the probe's methods ask of a caller."""


@dataclass(frozen=True)
class Probe:
    """The generated modules of probe.proto, and the folder they lie in."""

    messages: ModuleType
    stubs: ModuleType
    folder: Path | None

    def service(self, **behaviours: Callable[..., Any]) -> Service[Any]:
        """A servicer with these methods; the others are missing."""
        base = self.stubs.ProbeServiceServicer
        methods = {name: staticmethod(behaviour) for name, behaviour in behaviours.items()}
        return Service(
            self.stubs.add_ProbeServiceServicer_to_server, type("Servicer", (base,), methods)()
        )


@dataclass(frozen=True)
class Client:
    """A running probe server and a client of it."""

    server: RunningServer
    channel: grpc.aio.Channel
    stub: Any


Start = Callable[..., Awaitable[Client]]


@dataclass(frozen=True)
class Failure:
    """A failed call as a client sees it."""

    code: grpc.StatusCode
    message: str
    info: Any
    fields: dict[str, str]
    retry_after_ms: int | None
    quota_subjects: list[str]
    metadata: dict[str, str | bytes]


def decode(error: grpc.aio.AioRpcError) -> Failure:
    """The rich status of a failed call."""
    # grpc-status is made for both kinds of errors; its stubs are not there to say so.
    status = rpc_status.from_call(error)
    assert status is not None, f"no details: {error.code()} {error.details()}"
    found: dict[str, Message] = {}
    for detail in status.details:
        kind = detail.TypeName().rpartition(".")[2]
        found[kind] = getattr(error_details_pb2, kind)()
        detail.Unpack(found[kind])
    bad: Any = found.get("BadRequest", error_details_pb2.BadRequest())
    quota: Any = found.get("QuotaFailure", error_details_pb2.QuotaFailure())
    retry: Any = found.get("RetryInfo")
    return Failure(
        code=error.code(),
        message=error.details() or "",
        info=found["ErrorInfo"],
        fields={entry.field: entry.description for entry in bad.field_violations},
        retry_after_ms=retry.retry_delay.ToMilliseconds() if retry else None,
        quota_subjects=[entry.subject for entry in quota.violations],
        metadata=dict(error.trailing_metadata()),
    )


async def failure_of(call: Any) -> Failure:
    """Await a call, or read a stream to its end, that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _finish(call)
    return decode(caught.value)


async def until_ok(call: Callable[[], Any], *, seconds: float = 20.0) -> None:
    """Repeat a call until it is answered; TimeoutError when it is not in time."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await call()
                return
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)


async def _finish(call: Any) -> None:
    if hasattr(call, "read"):
        while await call.read() is not grpc.aio.EOF:
            pass
    else:
        await call
