"""Spans as a collector gets them, and that they cost nothing while nobody asks for any."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest

from servicekit import tracing
from servicekit.errors import unavailable
from servicekit.tracing import TRACING
from tests.servicekit.probing import Probe, Start, failure_of
from tests.support.otlp_collector import Collector, collecting

PERSON = "Ada Lovelace"


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as collector:
        TRACING.start(service="probe", endpoint=collector.endpoint)
        yield collector
        await TRACING.close()


def test_off_it_is_one_look() -> None:
    assert tracing.root("work") is tracing.part("part", {})
    assert tracing.served("/x.Y/Z", (), streams=False) is tracing.root("work")
    assert tracing.outgoing_headers() == []
    assert tracing.trace_ids() == {}


async def test_a_failed_part_is_marked_and_its_text_stays_here(collector: Collector) -> None:
    with pytest.raises(ValueError, match=PERSON), tracing.root("work"), tracing.part("step", {}):
        raise ValueError(PERSON)
    await TRACING.close()
    step, work = collector.spans
    assert (step.name, work.name) == ("step", "work")
    assert step.span.parent_span_id == work.span.span_id
    assert step.span.status.code == step.span.status.STATUS_CODE_ERROR
    assert step.span.status.message == "ValueError"
    assert PERSON.encode() not in collector.raw


async def test_calls_say_their_code_and_reason(
    collector: Collector, probe: Probe, start: Start
) -> None:
    async def ask(request: Any, context: Any) -> Any:
        raise unavailable("STORE_AWAY", f"{PERSON} cannot be found just now.")

    client = await start(Ask=ask)
    await failure_of(client.stub.Ask(probe.messages.AskRequest(text=PERSON)))
    await TRACING.close()
    (call,) = collector.spans
    assert call.name == "probe.v1.ProbeService/Ask"
    assert call.attributes["rpc.grpc.status_code"] == 14
    assert call.attributes["error.type"] == "STORE_AWAY"
    assert call.span.status.code == call.span.status.STATUS_CODE_ERROR
    assert PERSON.encode() not in collector.raw


async def test_what_goes_on_inside_a_stream_is_no_part_of_it(
    collector: Collector, probe: Probe, start: Start
) -> None:
    ids: dict[str, str] = {}

    async def listen(request: Any, context: Any) -> None:
        with tracing.part("page", {}):
            ids.update(tracing.trace_ids())
        assert tracing.begin_part("statement", {}) is None
        assert tracing.outgoing_headers() == []

    client = await start(Listen=listen)
    async for _ in client.stub.Listen(probe.messages.ListenRequest(text="on")):
        pass
    await TRACING.close()
    (stream,) = collector.spans
    assert stream.name == "probe.v1.ProbeService/Listen"
    # Its log lines name it all the same.
    assert ids["trace_id"] == stream.trace_id


async def test_a_collector_that_is_away_holds_nobody_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    TRACING.start(service="probe", endpoint=f"http://127.0.0.1:{port}")
    with tracing.root("work"):
        pass
    async with asyncio.timeout(15):
        await TRACING.close()
