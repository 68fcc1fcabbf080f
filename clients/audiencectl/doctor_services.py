"""Whether each service is there: reachable, healthy, of our version, and willing to answer us."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from clients.audiencectl.doctor_access import check_connection
from clients.audiencectl.doctor_contract import (
    compare,
    local_contract,
    reflected_contract,
    service_names,
)
from clients.audiencectl.doctor_findings import Finding, Level, ok, problem, unknown, warning
from clients.audiencectl.failures import describe
from clients.credentials import Credentials
from clients.errors import RpcFailed

_SECONDS: Final = 3.0
_SLOW_MS: Final = 500


async def check_service(
    service: str,
    *,
    address: str,
    channel: grpc.aio.Channel,
    credentials: Credentials,
    call: Callable[[], Awaitable[object]],
) -> list[Finding]:
    """Everything about one service; ``call`` is a cheap one in the workspace."""
    subject = f"{service} service"
    reached = await _check_address(subject, address)
    if reached.advice:
        return [reached]
    connection = await check_connection(service, address=address, credentials=credentials)
    if connection.level is Level.PROBLEM:
        return [reached, connection]
    health = await _check_health(subject, channel, service_names(service))
    findings = [reached, connection, health]
    if health.advice:
        return findings
    try:
        server = await reflected_contract(channel, service_names(service))
        findings += compare(
            f"{service} contract",
            server=server,
            ours=local_contract(service),
            server_is=f"the {subject}",
        )
    except RpcFailed as error:
        findings.append(unknown(f"{service} contract", describe(error)))
    findings.append(await _check_call(subject, call))
    return findings


async def _check_address(subject: str, address: str) -> Finding:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            with closing(writer):
                pass
    except (OSError, TimeoutError, ValueError) as error:
        return problem(
            subject,
            f"{address} cannot be reached ({error or 'no answer'})",
            "Is it started? `audiencectl up` starts a pair on this machine; elsewhere check the "
            "address, the port and the firewall.",
        )
    return ok(subject, f"{address} can be reached")


async def _check_health(subject: str, channel: grpc.aio.Channel, names: list[str]) -> Finding:
    stub = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    not_serving = []
    try:
        for name in ("", *names):
            request = health_pb2.HealthCheckRequest(service=name)
            if (await stub.Check(request, timeout=_SECONDS)).status != serving:
                not_serving.append(name or "the server as a whole")
    except grpc.aio.AioRpcError as error:
        failed = RpcFailed(error)
        if failed.code() is grpc.StatusCode.NOT_FOUND:
            return problem(
                subject,
                "another service answers at this address",
                "Check the addresses: are those of the two services mixed up?",
            )
        return problem(
            subject,
            f"no health check: {failed.code().name}, {failed.message}",
            "The port is open. Does the service ask for TLS (give --ca-file), or does something "
            "else listen there? Look at its log.",
        )
    if not_serving:
        return problem(
            subject,
            f"not serving: {', '.join(not_serving)}",
            "It drains or has just started: try again, then look at its log.",
        )
    return ok(subject, "serves")


async def _check_call(subject: str, call: Callable[[], Awaitable[object]]) -> Finding:
    began = time.monotonic()
    try:
        await call()
    except RpcFailed as error:
        return problem(subject, describe(error), _advice(error))
    milliseconds = round((time.monotonic() - began) * 1000)
    if milliseconds > _SLOW_MS:
        return warning(
            subject,
            f"answers in the workspace, after {milliseconds} ms",
            "Look at the load of the service and of its store or database.",
        )
    return ok(subject, f"answers in the workspace, in {milliseconds} ms")


def _advice(error: RpcFailed) -> str:
    match error.code():
        case grpc.StatusCode.UNAUTHENTICATED:
            return "Give a token or a certificate that the service knows."
        case grpc.StatusCode.PERMISSION_DENIED:
            return "Ask for a token with this workspace and the scopes to read."
        case grpc.StatusCode.UNAVAILABLE:
            return "The service is up and what it stands on is not: look at its store or database."
        case grpc.StatusCode.INTERNAL:
            return "Look for the error id in the log of the service."
        case _:
            return "Look at the log of the service."
