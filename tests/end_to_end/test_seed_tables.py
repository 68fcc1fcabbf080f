"""The seed's tables, as a caller sees them: caps by strategy and week, and how long things take."""

from datetime import date, timedelta

import pytest
from enrichment.v1.accounts_pb2 import (
    ACCOUNT_STRATEGY_ESTABLISHED,
    ACCOUNT_STRATEGY_NEW,
    ACCOUNT_STRATEGY_RECOVERY,
    ACCOUNT_STRATEGY_VETERAN,
    Account,
    AccountStrategy,
    ConnectAccountRequest,
    DisconnectAccountRequest,
    ReconnectAccountRequest,
)
from enrichment.v1.enrichments_pb2 import (
    CreateEnrichmentRequest,
    Enrichment,
    Forecast,
    GetEnrichmentRequest,
    ProfileSubmission,
    SubmitProfilesRequest,
)
from enrichment.v1.view_budgets_pb2 import GetViewBudgetRequest

from tests.end_to_end.job import WORKSPACE, Job

TODAY = date(2026, 1, 5)
CAPS = {
    ACCOUNT_STRATEGY_NEW: (10, 20, 30, 40, 50, 60, 60),
    ACCOUNT_STRATEGY_ESTABLISHED: (30, 46, 63, 80, 80),
    ACCOUNT_STRATEGY_VETERAN: (50, 100, 100),
    ACCOUNT_STRATEGY_RECOVERY: (5, 8, 12, 15, 19, 22, 26, 30, 30),
}


async def test_caps_by_strategy_and_week(job: Job) -> None:
    for strategy, caps in CAPS.items():
        for week, cap in enumerate(caps, start=1):
            for day_of_week in (0, 6):
                start = TODAY - timedelta(days=7 * (week - 1) + day_of_week)
                account_id = f"s{strategy}-w{week}-d{day_of_week}"
                connected = await job.enrichment.accounts.ConnectAccount(
                    ConnectAccountRequest(
                        parent=WORKSPACE,
                        account_id=account_id,
                        account=Account(
                            provider_account_id=account_id,
                            strategy=strategy,
                            ramp_start_date=start.isoformat(),
                        ),
                    )
                )
                assert (connected.account.ramp_week, connected.account.daily_cap) == (week, cap)
                budget = await job.enrichment.view_budgets.GetViewBudget(
                    GetViewBudgetRequest(name=f"{connected.account.name}/viewBudget")
                )
                assert budget.view_budget.limit == budget.view_budget.available == cap


async def forecast(
    job: Job, *, profiles: int, strategy: AccountStrategy.ValueType, ramp_start: date
) -> Forecast:
    """What is foretold for so many profiles at 08:00 UTC, with nothing viewed yet."""
    account = await job.enrichment.accounts.ConnectAccount(
        ConnectAccountRequest(
            parent=WORKSPACE,
            account_id="ann",
            account=Account(
                provider_account_id="ann",
                strategy=strategy,
                ramp_start_date=ramp_start.isoformat(),
            ),
        )
    )
    # Nothing is viewed while it is disconnected, so that the whole number is still to be done.
    name = account.account.name
    await job.enrichment.accounts.DisconnectAccount(DisconnectAccountRequest(name=name))
    created = await job.enrichment.enrichments.CreateEnrichment(
        CreateEnrichmentRequest(
            parent=WORKSPACE, enrichment_id="all", enrichment=Enrichment(account=name)
        )
    )
    for first in range(0, profiles, 500):
        await job.enrichment.enrichments.SubmitProfiles(
            SubmitProfilesRequest(
                name=created.enrichment.name,
                profiles=[
                    ProfileSubmission(identifiers=[f"person-{number}"])
                    for number in range(first, min(first + 500, profiles))
                ],
            )
        )
    answer = await job.enrichment.enrichments.GetEnrichment(
        GetEnrichmentRequest(name=created.enrichment.name)
    )
    await job.enrichment.accounts.ReconnectAccount(ReconnectAccountRequest(name=name))
    return answer.enrichment.forecast


@pytest.mark.parametrize(
    ("profiles", "strategy", "weeks_ago", "at_todays_cap", "at_full_cap", "with_ramp"),
    [
        # Seed: 100 profiles on a veteran account: 1-2 days.
        (100, ACCOUNT_STRATEGY_VETERAN, 0, 2.0, 1.0, 2),
        (100, ACCOUNT_STRATEGY_VETERAN, 1, 1.0, 1.0, 1),
        # Seed: 500 profiles on a new account in week 1: 50 days at 10 a day; the ramp makes it 23.
        (500, ACCOUNT_STRATEGY_NEW, 0, 50.0, 8.3, 23),
        # Seed: 1,000 profiles on an established account: 13-33 days depending on the ramp week.
        (1000, ACCOUNT_STRATEGY_ESTABLISHED, 0, 33.3, 12.5, 22),
        (1000, ACCOUNT_STRATEGY_ESTABLISHED, 4, 12.5, 12.5, 13),
    ],
)
async def test_forecasts(
    job: Job,
    profiles: int,
    strategy: AccountStrategy.ValueType,
    weeks_ago: int,
    at_todays_cap: float,
    at_full_cap: float,
    with_ramp: int,
) -> None:
    foretold = await forecast(
        job, profiles=profiles, strategy=strategy, ramp_start=TODAY - timedelta(weeks=weeks_ago)
    )
    assert foretold.remaining_views == profiles
    assert foretold.days_at_todays_cap == at_todays_cap
    assert foretold.days_at_full_cap == at_full_cap
    assert foretold.days_with_ramp == with_ramp
    last = TODAY + timedelta(days=with_ramp - 1)
    assert foretold.earliest_complete_date == last.isoformat()
