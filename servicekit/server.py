"""A gRPC server with health, reflection, ready line and graceful drain.

The order at the end: health says NOT_SERVING, drain hooks end the long streams, calls under way
get their grace, then what the servicers stand on is closed, the last opened first.
"""

import asyncio
import gc
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any

import grpc
import structlog
import uvloop

from servicekit.access import INTROSPECTION, AccessTable, check_complete
from servicekit.admission import Admission
from servicekit.call_metrics import CallMetrics
from servicekit.calls import Calls, call_limit
from servicekit.certificate_metrics import watch_certificate
from servicekit.introspection import Introspection
from servicekit.listening import channel_options, check_exposure, join_address
from servicekit.metrics import Metrics
from servicekit.metrics_page import MetricsPage
from servicekit.services import (
    Service,
    WrappedHandlers,
    handlers_of,
    methods_of,
    request_types,
)
from servicekit.settings import ConfigurationError, ServerSettings
from servicekit.tls import ServerCertificates
from servicekit.validation import warm

Hook = Callable[[], Awaitable[None]]

_log = structlog.get_logger("server")


class RunningServer:
    """A server that answers at ``address`` (host:port, with the real port) until ``stop``.

    ``metrics_address`` is where its metrics are; empty when they are not served.
    """

    def __init__(
        self,
        *,
        address: str,
        metrics_address: str,
        server: grpc.aio.Server,
        introspection: Introspection,
        grace_seconds: float,
        drain: Sequence[Hook],
        close: Sequence[Hook],
    ) -> None:
        self.address = address
        self.metrics_address = metrics_address
        self._server = server
        self._introspection = introspection
        self._grace = grace_seconds
        self._drain = drain
        self._close = close
        self._stopping: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        """Drain, stop and close, once. Everything is closed even when a hook fails.

        Whoever calls it again waits for the same end.
        """
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        async with AsyncExitStack() as stack:
            for close in self._close:
                stack.push_async_callback(close)
            stack.push_async_callback(self._server.stop, self._grace)
            await self._introspection.drain()
            try:
                async with asyncio.timeout(self._grace), asyncio.TaskGroup() as hooks:
                    for hook in self._drain:
                        hooks.create_task(_await(hook()))
            except TimeoutError:
                _log.warning("drain_incomplete", grace_seconds=self._grace)


async def start_server(
    *,
    services: Sequence[Service[Any]],
    access: AccessTable,
    settings: ServerSettings,
    drain: Sequence[Hook] = (),
    close: Sequence[Hook] = (),
    metrics: Metrics | None = None,
) -> RunningServer:
    """Listen and answer; ConfigurationError when that cannot be, or a method has no access rule.

    ``drain`` hooks run side by side and make long streams end by themselves; ``close`` hooks are
    listed in the order in which their things were opened. ``metrics`` gets those of the calls.
    """
    metrics = metrics or Metrics()
    check_exposure(settings)
    handlers = handlers_of(services)
    table = {**INTROSPECTION, **access}
    check_complete(table, methods_of(handlers))
    warm(request_types(handlers))
    introspection = Introspection(handlers)
    admission = Admission(settings)
    calls = Calls(
        admission=admission,
        access=table,
        default_deadline_seconds=settings.default_deadline_seconds,
        limit=call_limit(settings.calls_per_caller),
        metrics=CallMetrics(metrics),
    )
    server = grpc.aio.server(options=channel_options(settings))
    server.add_generic_rpc_handlers(
        [WrappedHandlers(handlers | handlers_of(introspection.services()), calls=calls)]
    )
    wanted = join_address(settings.host, settings.port)
    try:
        port = _add_port(server, wanted, settings)
    except RuntimeError:
        raise ConfigurationError(
            f"Cannot listen on {wanted}: the port is taken or the address is not of this machine. "
            "Choose another port, or 0 for a free one."
        ) from None
    await admission.start()
    watch_certificate(settings.tls_cert_file, metrics=metrics)
    metrics_address = ""
    if settings.metrics:
        page = MetricsPage(metrics)
        metrics_address = await page.start(settings)
        close = [*close, page.close]
    await introspection.start()
    await server.start()
    return RunningServer(
        address=join_address(settings.host, port),
        metrics_address=metrics_address,
        server=server,
        introspection=introspection,
        grace_seconds=settings.drain_grace_seconds,
        drain=drain,
        close=[admission.close, *close],
    )


def _add_port(server: grpc.aio.Server, address: str, settings: ServerSettings) -> int:
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return server.add_insecure_port(address)
    certificates = ServerCertificates(
        cert_file=settings.tls_cert_file,
        key_file=settings.tls_key_file,
        client_ca_file=settings.tls_client_ca_file,
    )
    return server.add_secure_port(address, certificates.credentials())


async def serve(name: str, starting: Awaitable[RunningServer]) -> None:
    """Run what ``start_server`` starts until SIGTERM or SIGINT.

    Prints one ready line of JSON on stdout when it answers.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    running = await starting
    # What is there by now stays, and need not be looked through for garbage again and again.
    gc.collect()
    gc.freeze()
    ready = {"service": name, "address": running.address, "metrics": running.metrics_address}
    print(json.dumps(ready), flush=True)
    _log.info("ready", address=running.address, metrics=running.metrics_address)
    await ended.wait()
    _log.info("draining")
    await running.stop()
    _log.info("stopped")


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a service's main coroutine; a ConfigurationError is printed and ends with status 2."""
    try:
        uvloop.run(main)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


async def _await(hook: Awaitable[None]) -> None:
    await hook
