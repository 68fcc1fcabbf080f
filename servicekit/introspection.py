"""Health (also per service name) and reflection, so that load balancers and grpcurl work as is."""

import asyncio
from collections.abc import Coroutine, Iterable
from types import SimpleNamespace
from typing import Any

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from servicekit.calls import Context
from servicekit.errors import unavailable
from servicekit.services import Service


class Introspection:
    """Health and reflection of one server; health watches end when it drains."""

    def __init__(self, service_names: Iterable[str]) -> None:
        self._names = [*service_names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        self._health = health.aio.HealthServicer()
        self._draining = asyncio.Event()

    def services(self) -> list[Service[Any]]:
        """The two services to add to the server."""
        return [
            Service(
                health_pb2_grpc.add_HealthServicer_to_server,
                SimpleNamespace(
                    Check=self._health.Check, List=self._health.List, Watch=self._watch
                ),
            ),
            Service(
                reflection_pb2_grpc.add_ServerReflectionServicer_to_server,
                reflection.aio.ReflectionServicer(self._names),
            ),
        ]

    async def start(self) -> None:
        """Say SERVING for the server as a whole and for each service."""
        for name in self._names:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def drain(self) -> None:
        """Say NOT_SERVING from now on, and end the watches: the server would wait for them."""
        await self._health.enter_graceful_shutdown()
        self._draining.set()

    async def _watch(self, request: health_pb2.HealthCheckRequest, context: Context) -> None:
        await _until(self._draining, self._health.Watch(request, context))
        raise unavailable("SERVER_DRAINING", "This server ends. Connect to another one.")


async def _until(event: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` until it ends or ``event`` is set, and leave nothing running."""
    tasks = [asyncio.create_task(work), asyncio.create_task(event.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            await tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
