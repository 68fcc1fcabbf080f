"""The metrics of the pair after a short job: what they tell is what the contract tells."""

import pytest
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_NEW, ACCOUNT_STRATEGY_VETERAN
from enrichment.v1.view_budgets_pb2 import VIEW_PURPOSE_CAMPAIGN_STEP, ConsumeViewsRequest

from clients.errors import RpcFailed
from tests.end_to_end.job import SAMPLES, WORKSPACE, Job
from tests.support.metrics_page import metrics_when, read_metrics


async def test_the_pair_tells_what_it_has_done(job: Job) -> None:
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    await job.connect("nora", ACCOUNT_STRATEGY_NEW)
    audience = await job.audience("leads", account="vera")
    receipt = await job.import_sample(audience, SAMPLES / "urls.txt")
    await job.start(audience)
    done = await job.done(audience)
    consumed = ConsumeViewsRequest(
        account=f"{WORKSPACE}/accounts/nora", purpose=VIEW_PURPOSE_CAMPAIGN_STEP, count=7
    )
    await job.enrichment.view_budgets.ConsumeViews(consumed)
    consumed.count = 5
    with pytest.raises(RpcFailed):
        await job.enrichment.view_budgets.ConsumeViews(consumed)

    # The tick that brought the last profile ends a moment later.
    page = await metrics_when(
        job.enrichment_metrics, lambda page: page.value("enrichment_ticks_leased") == 0
    )
    views = await job.views()
    enriched = page.value("enrichment_views_total", outcome="ENRICHED")
    assert enriched >= done.progress.enriched > 0
    assert page.value("enrichment_views_total") == len(views)
    assert page.value("enrichment_provider_request_seconds_count") == len(views)
    assert page.value("enrichment_accounts", strategy="VETERAN") == 1
    assert page.value("enrichment_views_allowed_today", strategy="NEW") in range(10, 61)
    assert page.value("enrichment_views_spent_today", purpose="CAMPAIGN_STEP") == 7
    assert page.value("enrichment_budget_refusals_total", purpose="CAMPAIGN_STEP") == 1
    assert page.value("enrichment_store_up") == 1
    assert page.value("enrichment_tick_seconds_count") > 0
    events = await job.all_events()
    assert page.value("enrichment_events_appended_total") == len(events)
    assert page.value("enrichment_event_log_entries") == len(events)
    assert page.value("enrichment_event_subscriptions", consumer="anonymous") == 1
    assert page.value("enrichment_cache_lookups_total", result="miss") > 0

    page = await metrics_when(
        job.audience_metrics,
        lambda page: page.value("audience_linking_lag_seconds_count") >= done.progress.members,
    )
    assert page.value("audience_import_rows_total", row_class="added") == receipt.added
    assert page.value("audience_import_rows_total") == receipt.rows
    assert page.value("audience_import_seconds_count", result="done") == 1
    assert page.value("audience_profiles_submitted_total") == done.progress.members
    assert page.value("audience_database_transaction_seconds_count", kind="write") > 0


async def test_nobody_is_named_by_a_label(job: Job) -> None:
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    audience = await job.audience("canary-audience", account="vera")
    await job.add(audience, ["https://www.linkedin.com/in/canary-person"])
    await job.start(audience)
    await job.done(audience)
    for address in (job.enrichment_metrics, job.audience_metrics):
        text = (await read_metrics(address)).text
        assert [word for word in ("canary", "vera", WORKSPACE, "demo") if word in text] == []
