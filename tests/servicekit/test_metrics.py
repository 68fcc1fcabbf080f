"""Metrics of calls, as Prometheus reads them off the page."""

import asyncio
import socket
from contextlib import closing
from typing import Any

import pytest

from servicekit.call_metrics import CallMetrics
from servicekit.errors import failed_precondition
from servicekit.metrics import Metrics
from servicekit.settings import ConfigurationError, ServerSettings
from tests.servicekit.probing import Probe, Start, failure_of
from tests.support.metrics_page import read_metrics

_LABELS = {"grpc_service": "probe.v1.ProbeService", "grpc_method": "Ask"}


async def test_calls_are_counted_by_method_code_and_reason(probe: Probe, start: Start) -> None:
    async def ask(request: Any, context: Any) -> Any:
        if request.text == "no":
            raise failed_precondition("PROBE_REFUSED", "Not today.")
        return probe.messages.AskResponse()

    client = await start(Ask=ask)
    for _ in range(3):
        await client.stub.Ask(probe.messages.AskRequest(text="yes"))
    await failure_of(client.stub.Ask(probe.messages.AskRequest(text="no")))

    page = await read_metrics(client.server.metrics_address)
    assert page.value("grpc_server_handled_total", **_LABELS, grpc_code="OK") == 3
    assert page.value("grpc_server_handled_total", **_LABELS, grpc_code="FAILED_PRECONDITION") == 1
    assert page.value("grpc_server_started_total", **_LABELS) == 4
    assert page.value("grpc_server_handling_seconds_count", **_LABELS) == 4
    assert page.value("grpc_server_in_flight_calls", **_LABELS) == 0
    assert page.value("grpc_server_error_reasons_total", **_LABELS, reason="PROBE_REFUSED") == 1
    assert page.value("service_build_info") == 1
    assert page.value("process_resident_memory_bytes") > 0


async def test_a_call_under_way_and_one_that_was_given_up(probe: Probe, start: Start) -> None:
    begun, released = asyncio.Event(), asyncio.Event()

    async def listen(request: Any, context: Any) -> None:
        begun.set()
        await released.wait()

    client = await start(Listen=listen)
    labels = {**_LABELS, "grpc_method": "Listen", "grpc_type": "server_stream"}
    call = client.stub.Listen(probe.messages.ListenRequest(text="on"))
    await begun.wait()
    page = await read_metrics(client.server.metrics_address)
    assert page.value("grpc_server_in_flight_calls", **labels) == 1

    call.cancel()
    while page.value("grpc_server_in_flight_calls", **labels):
        page = await read_metrics(client.server.metrics_address)
    assert page.value("grpc_server_handled_total", **labels, grpc_code="CANCELLED") == 1


async def test_what_is_asked_elsewhere_never_keeps_the_rest_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("servicekit.metrics._REFRESH_SECONDS", 0.05)
    metrics = Metrics()
    metrics.before_scrape(_never)
    page, content_type = await metrics.page("")
    assert b"service_build_info" in page
    assert content_type.startswith("text/plain")
    assert (await metrics.page("application/openmetrics-text"))[0].endswith(b"# EOF\n")


async def _never() -> None:
    await asyncio.Event().wait()


async def test_metrics_can_be_left_out(start: Start) -> None:
    client = await start(settings=ServerSettings(metrics=False))
    assert client.server.metrics_address == ""


async def test_a_taken_port_is_named(start: Start) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match="METRICS_PORT: cannot listen"):
            await start(settings=ServerSettings(metrics_port=port))


def test_reasons_cannot_fill_the_page() -> None:
    metrics = Metrics()
    method = CallMetrics(metrics).of(service="s", method="m", kind="unary")
    for number in range(1000):
        method.begin()
        method.end(code="INTERNAL", reason=f"REASON_{number}", seconds=0.0)
    reasons = [
        sample
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "grpc_server_error_reasons_total"
    ]
    assert len(reasons) <= 201
    assert sum(sample.value for sample in reasons) == 1000
