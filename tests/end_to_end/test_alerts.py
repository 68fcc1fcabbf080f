"""Alerts and dashboards against a running pair: what they name is there; what is wrong fires."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import grpc
import pytest
import redis
from audience.v1.audiences_pb2 import ImportReceipt
from enrichment.v1.accounts_pb2 import (
    ACCOUNT_STRATEGY_NEW,
    ACCOUNT_STRATEGY_VETERAN,
    DisconnectAccountRequest,
)
from enrichment.v1.events_pb2 import (
    START_POSITION_NOW,
    SubscribeEventsRequest,
    SubscribeEventsResponse,
)
from enrichment.v1.events_pb2_grpc import EventServiceStub
from enrichment.v1.view_budgets_pb2 import VIEW_PURPOSE_CAMPAIGN_STEP, ConsumeViewsRequest

from clients.errors import RpcFailed
from tests.end_to_end.job import SAMPLES, WORKSPACE, Job
from tests.support.dashboards import alerts, expressions, selectors
from tests.support.metrics_page import MetricsPage, metrics_when, read_metrics
from tests.support.promql import Evaluator

Pages = dict[str, MetricsPage]
# What Prometheus says of the scrape itself.
_OF_PROMETHEUS = {"up"}


async def test_what_is_named_is_there_and_a_sound_pair_alarms_nobody(job: Job) -> None:
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    before = await _scrape(job)
    audience = await job.audience("leads", account="vera")
    assert isinstance(await job.import_sample(audience, SAMPLES / "urls.txt"), ImportReceipt)
    await job.start(audience)
    await job.done(audience)
    after = await _scrape(job)

    known = {name for page in after.values() for name in page.known} | _OF_PROMETHEUS
    named = {
        (selector.name, where)
        for where, expression in expressions().items()
        for selector in selectors(expression)
    }
    assert [each for each in sorted(named) if each[0] not in known] == []
    labels = {sample.name: set(sample.labels) for page in after.values() for sample in page.samples}
    for where, expression in expressions().items():
        for selector in selectors(expression):
            wanted = {matcher.name for matcher in selector.matchers.matchers} - {"job"}
            assert wanted <= labels.get(selector.name, wanted), where
    assert _firing(before, after, hour=13) == []


async def test_budgets_that_are_spent_early(job: Job) -> None:
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    before = await _scrape(job)
    consume = ConsumeViewsRequest(
        account=f"{WORKSPACE}/accounts/vera", purpose=VIEW_PURPOSE_CAMPAIGN_STEP, count=50
    )
    await job.enrichment.view_budgets.ConsumeViews(consume)
    with pytest.raises(RpcFailed):
        await job.enrichment.view_budgets.ConsumeViews(consume)
    after = await _scrape(job)
    assert _firing(before, after, hour=9) == ["ViewCapReachedEarly", "CampaignViewsRefused"]
    assert _firing(before, after, hour=13) == []


async def test_accounts_that_wait_for_people_and_a_key_that_is_refused(job: Job) -> None:
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    await job.connect("nora", ACCOUNT_STRATEGY_NEW)
    before = await _scrape(job)
    await job.enrichment.accounts.DisconnectAccount(
        DisconnectAccountRequest(name=f"{WORKSPACE}/accounts/nora")
    )
    await job.post_fault({"action": "error", "type": "missing_credentials"})
    audience = await job.audience("leads", account="vera")
    await job.add(audience, ["https://www.linkedin.com/in/somebody"])
    await job.start(audience)
    after = {
        **await _scrape(job),
        "enrichment": await metrics_when(
            job.enrichment_metrics,
            lambda page: page.value("service_log_events_total", event="provider_key_refused") > 0,
        ),
    }
    assert _firing(before, after, hour=13) == ["ProviderKeyRefused", "AccountsWaitForPeople"]
    await job.lift_faults()


async def test_a_store_that_hangs_and_one_that_lost_its_records(job: Job) -> None:
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    before = await _scrape(job)
    with _frozen(job.stack.pids["store"]):
        assert "StoreUnreachable" in _firing(before, await _scrape(job), hour=13)
    await metrics_when(job.enrichment_metrics, lambda page: page.value("enrichment_store_up") == 1)
    with redis.Redis(port=job.store_port) as client:
        client.flushall()
    await metrics_when(
        job.enrichment_metrics,
        lambda page: page.value("enrichment_partitions_lost_today") == 16,
    )
    assert "DayLost" in _firing(before, await _scrape(job), hour=13)


async def test_a_consumer_that_stands_still_while_weeks_go_by(job: Job) -> None:
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    async with _subscribed_and_silent(job):
        before = await _scrape(job)
        audience = await job.audience("leads", account="vera")
        await job.import_sample(audience, SAMPLES / "Connections.csv")
        await job.start(audience)
        await job.done(audience)
        after = await _scrape(job)
        # This stack keeps events for years.
        assert _firing(before, after, hour=13) == ["EventConsumerLagging"]
        lag = after["enrichment"].value("enrichment_event_subscription_lag_seconds")
        assert lag > 86_400
    gone = await metrics_when(
        job.enrichment_metrics,
        lambda page: page.value("enrichment_event_subscription_lag_seconds") == 0,
    )
    assert _firing(before, {**after, "enrichment": gone}, hour=13) == []


async def _scrape(job: Job) -> Pages:
    return {
        "enrichment": await read_metrics(job.enrichment_metrics),
        "audience": await read_metrics(job.audience_metrics),
    }


def _firing(before: Pages, after: Pages, *, hour: int) -> list[str]:
    """Alerts whose expression holds; percentiles and the scrape itself are Prometheus's own."""
    evaluator = Evaluator(before=before, after=after, now=time.time(), hour=hour)
    return [
        name
        for name, rule in alerts().items()
        if "histogram_quantile" not in rule["expr"]
        and name != "ServiceDown"
        and evaluator.holds(rule["expr"])
    ]


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def _subscribed_and_silent(job: Job) -> AsyncIterator[None]:
    """Somebody who follows the log and reads nothing after the first message."""
    # Otherwise the library itself reads ahead by megabytes.
    options = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 4096))
    async with grpc.aio.insecure_channel(job.stack.enrichment, options=options) as channel:
        call = EventServiceStub(channel).SubscribeEvents(
            SubscribeEventsRequest(start_position=START_POSITION_NOW)
        )
        opened = await asyncio.wait_for(call.read(), 10)
        assert isinstance(opened, SubscribeEventsResponse)
        assert opened.HasField("opened")
        yield
        call.cancel()
