"""Start, health, reflection, and the order of the end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from servicekit.errors import unavailable
from servicekit.server import start_server
from servicekit.settings import ConfigurationError, ServerSettings
from tests.servicekit.probing import Probe, Start, failure_of

SERVICE = "probe.v1.ProbeService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("name", ["", SERVICE, "grpc.health.v1.Health"])
async def test_health_answers_for_the_server_and_each_service(start: Start, name: str) -> None:
    client = await start()
    health = health_pb2_grpc.HealthStub(client.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
    assert answer.status == SERVING


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_the_services(start: Start, version: str) -> None:
    client = await start()
    call: Any = client.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    answers = [
        a async for a in call(iter([reflection_pb2.ServerReflectionRequest(list_services="*")]))
    ]
    assert SERVICE in [service.name for service in answers[0].list_services_response.service]


async def test_drain_says_not_serving_then_ends_streams_then_closes_in_reverse(
    probe: Probe, start: Start
) -> None:
    order: list[str] = []
    draining = asyncio.Event()

    async def listen(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield probe.messages.ListenResponse(text="opened")
        await draining.wait()
        yield probe.messages.ListenResponse(text="draining")
        order.append("stream ended")
        raise unavailable("SERVER_DRAINING", "Connect to another server, with your cursor.")

    async def drain() -> None:
        order.append("drain")
        draining.set()

    async def close_store() -> None:
        order.append("close store")

    async def close_queue() -> None:
        order.append("close queue")

    client = await start(
        settings=ServerSettings(drain_grace_seconds=20),
        drain=(drain,),
        close=(close_store, close_queue),
        Listen=listen,
    )
    health = health_pb2_grpc.HealthStub(client.channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
    assert (await watch.read()).status == SERVING
    stream = client.stub.Listen(probe.messages.ListenRequest(text="x"))
    assert (await stream.read()).text == "opened"

    async with asyncio.timeout(10):
        stopping = asyncio.create_task(client.server.stop())
        assert (await watch.read()).status == NOT_SERVING
        assert (await stream.read()).text == "draining"
        failure = await failure_of(stream)
        await stopping
    assert failure.info.reason == "SERVER_DRAINING"
    assert (await failure_of(watch)).code is grpc.StatusCode.UNAVAILABLE
    assert order == ["drain", "stream ended", "close queue", "close store"]


async def test_calls_under_way_are_finished(probe: Probe, start: Start) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def ask(_request: Any, _context: Any) -> Any:
        entered.set()
        await release.wait()
        return probe.messages.AskResponse(text="done")

    async def drain() -> None:
        release.set()

    client = await start(settings=ServerSettings(drain_grace_seconds=20), drain=(drain,), Ask=ask)
    call = client.stub.Ask(probe.messages.AskRequest())
    pending = asyncio.ensure_future(call)
    await entered.wait()
    await client.server.stop()
    assert (await pending).text == "done"


async def test_stream_that_does_not_end_is_cut_after_the_grace(probe: Probe, start: Start) -> None:
    async def listen(_request: Any, _context: Any) -> None:
        await asyncio.Event().wait()

    async def never() -> None:
        await asyncio.Event().wait()

    client = await start(
        settings=ServerSettings(drain_grace_seconds=0.05), drain=(never,), Listen=listen
    )
    stream = client.stub.Listen(probe.messages.ListenRequest(text="x"))
    await stream.initial_metadata()
    await client.server.stop()
    with pytest.raises(grpc.aio.AioRpcError):
        await stream.read()


async def test_everything_is_closed_when_a_drain_hook_fails() -> None:
    closed: list[str] = []

    async def drain() -> None:
        raise RuntimeError("no drain")

    async def close() -> None:
        closed.append("store")

    server = await start_server(
        services=[], access={}, settings=ServerSettings(), drain=[drain], close=[close]
    )
    with pytest.raises(ExceptionGroup):
        await server.stop()
    assert closed == ["store"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
async def test_plain_text_beyond_this_machine_is_refused(start: Start, host: str) -> None:
    with pytest.raises(ConfigurationError, match="INSECURE=true"):
        await start(settings=ServerSettings(host=host))


async def test_plain_text_everywhere_when_told_so(start: Start) -> None:
    client = await start(settings=ServerSettings(host="0.0.0.0", insecure=True))
    assert client.server.address.startswith("0.0.0.0:")


async def test_port_that_is_taken_is_refused(start: Start) -> None:
    client = await start()
    port = int(client.server.address.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match="port is taken"):
        await start(settings=ServerSettings(port=port))
