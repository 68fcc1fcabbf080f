"""`audiencectl budget forecast`: the plan that it draws is the one that the service foretells."""

from datetime import date

from enrichment.v1.accounts_pb2 import Account, AccountStrategy
from enrichment.v1.view_budgets_pb2 import ViewBudget
from hypothesis import given
from hypothesis import strategies as st

from clients.audiencectl.plan import is_done, plan
from enrichment_service.model import Strategy
from enrichment_service.policy.forecast import AccountOutlook, forecast
from tests.audiencectl.conftest import Cli

_EPOCH = date(1970, 1, 1).toordinal()
_TODAY = date(2026, 3, 2)


@given(
    strategy=st.sampled_from(list(Strategy)),
    days_connected=st.integers(0, 100),
    share=st.integers(0, 110),
    left_today=st.integers(0, 100),
    remaining=st.integers(0, 3000),
)
def test_it_ends_on_the_day_that_the_service_foretells(
    strategy: Strategy, days_connected: int, share: int, left_today: int, remaining: int
) -> None:
    ramp_start = date.fromordinal(_TODAY.toordinal() - days_connected)
    days = plan(
        Account(
            strategy=AccountStrategy.Value(f"ACCOUNT_STRATEGY_{strategy.name}"),
            ramp_start_date=ramp_start.isoformat(),
            campaign_share=share,
        ),
        ViewBudget(date=_TODAY.isoformat(), available_for_enrichment=left_today),
        remaining=remaining,
    )
    outlook = AccountOutlook(
        strategy=strategy,
        ramp_start_day=ramp_start.toordinal() - _EPOCH,
        day=_TODAY.toordinal() - _EPOCH,
        views_left_today=left_today,
        campaign_share=share,
    )
    foretold = forecast(outlook, remaining=remaining).earliest_complete_day
    assert is_done(days) is (foretold is not None)
    if foretold is not None and days:
        assert days[-1].day.toordinal() - _EPOCH == foretold
        assert sum(each.views for each in days) == remaining
        assert all(each.views <= each.cap for each in days[1:])


def test_it_is_drawn_for_people_and_listed_for_machines(cli: Cli) -> None:
    words = ("--workspace", "foretold")
    cli(
        *(*words, "account", "connect", "ada"),
        *("--provider-account-id", "foretold-ada", "--strategy", "new"),
    )
    assert "nothing left to view" in cli(*words, "budget", "forecast", "ada").stdout
    cli(*words, "enrichment", "create", "people", "--account", "ada")
    cli(*words, "enrichment", "pause", "people")
    submitted = cli(*words, "enrichment", "submit", "people", *(f"person-{n}" for n in range(25)))
    assert submitted.exit_code == 0, submitted.output
    document = cli.json(*words, "budget", "forecast", "ada")
    days = document["days"]
    assert isinstance(days, list)
    assert [each["views"] for each in days] == [10, 10, 5]
    assert days[0]["cap"] == 10
    drawn = cli(*words, "budget", "forecast", "ada").stdout
    assert "profiles left after each day" in drawn
    assert "█" in drawn
    assert drawn.count("days from today (UTC) →") == 2
    assert "↑ profiles" in drawn
    assert "↑ views a day" in drawn
