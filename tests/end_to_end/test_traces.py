"""One trace and one request id through both services, and nothing of anybody in it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from audience.v1.audiences_pb2 import StartEnrichmentRequest
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_VETERAN

from tests.end_to_end.job import Job
from tests.support.otlp_collector import Collector, SeenSpan, collecting
from tests.support.stack_process import running

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
PERSON = "canary-person-9f8e7d"


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    """Where both services of a stack that starts from now on send their traces."""
    async with collecting() as collector:
        monkeypatch.setenv("ENRICHMENT_OTLP_ENDPOINT", collector.endpoint)
        # The audience service is told by the standard variable.
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield collector


@pytest.fixture
async def traced_job(collector: Collector, tmp_path: Path) -> AsyncIterator[Job]:
    """A job on a stack on the stepped clock that is traced."""
    options = ("--stepped-clock", "--start-time", "2026-01-05T08:00:00Z")
    async with running(tmp_path / "data", *options) as stack:
        job = Job(stack)
        yield job
        await job.close()


async def test_one_trace_and_one_request_id_through_both_services(
    traced_job: Job, collector: Collector
) -> None:
    job = traced_job
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    audience = await job.audience("leads", account="vera")
    metadata = (("traceparent", f"00-{TRACE}-{PARENT}-01"), ("x-request-id", "lead-42"))
    await job.audiences.audiences.StartEnrichment(
        StartEnrichmentRequest(name=audience), metadata=metadata
    )

    spans = await collector.until(lambda spans: _has(spans, "StartEnrichment", "store get_account"))
    ours = [each for each in spans if each.trace_id == TRACE]
    start = _one(ours, "audience.v1.AudienceService/StartEnrichment")
    assert start.span.parent_span_id.hex() == PARENT
    called, served = sorted(
        (each for each in ours if each.name == "enrichment.v1.AccountService/GetAccount"),
        key=lambda each: each.service,
    )
    assert (called.service, served.service) == ("audience-service", "enrichment-service")
    assert served.span.parent_span_id == called.span.span_id
    assert called.span.parent_span_id == start.span.span_id
    stored = _one(ours, "store get_account")
    assert stored.span.parent_span_id == served.span.span_id
    written = _one(ours, "transaction write")
    assert written.span.parent_span_id == start.span.span_id
    updates = [each for each in ours if each.name == "sql UPDATE"]
    assert updates
    assert all(each.span.parent_span_id == written.span.span_id for each in updates)
    assert "leads" not in str(updates[0].attributes)
    assert served.attributes["rpc.grpc.status_code"] == 0

    # The lines of both services name the same request and the same trace.
    lines = [line for name in ("audience", "enrichment") for line in _lines(job, name)]
    tied = {line["method"] for line in lines if line.get("request_id") == "lead-42"}
    assert tied == {
        "/audience.v1.AudienceService/StartEnrichment",
        "/enrichment.v1.AccountService/GetAccount",
    }
    assert {line["trace_id"] for line in lines if line.get("request_id") == "lead-42"} == {TRACE}


async def test_views_are_parts_of_their_tick_and_name_nobody(
    traced_job: Job, collector: Collector
) -> None:
    job = traced_job
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    audience = await job.audience("leads", account="vera")
    await job.add(audience, [f"https://www.linkedin.com/in/{PERSON}"])
    await job.start(audience)
    await job.done(audience)

    spans = await collector.until(lambda spans: _has(spans, "tick", "provider view", "linking"))
    view = _one(spans, "provider view")
    tick = next(each for each in spans if each.span.span_id == view.span.parent_span_id)
    assert tick.name == "tick"
    in_tick = {each.name for each in spans if each.trace_id == tick.trace_id}
    assert {"store begin_view", "store finish_view", "store end_tick"} <= in_tick
    assert (view.attributes["finding"], view.attributes["http.response.status_code"]) == (
        "COMPLETE",
        200,
    )
    # What one service does for the other in the background is one trace, too.
    submitted = [each for each in spans if each.name.endswith("/SubmitProfiles")]
    assert {each.service for each in submitted} == {"audience-service", "enrichment-service"}
    assert len({each.trace_id for each in submitted}) == 1
    assert PERSON.encode() not in collector.raw
    assert b"vera" not in collector.raw


def _has(spans: list[SeenSpan], *endings: str) -> bool:
    return all(any(each.name.endswith(ending) for each in spans) for ending in endings)


def _one(spans: list[SeenSpan], name: str) -> SeenSpan:
    (found,) = [each for each in spans if each.name == name]
    return found


def _lines(job: Job, service: str) -> list[dict[str, str]]:
    text = (job.stack.data_dir / "logs" / f"{service}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
