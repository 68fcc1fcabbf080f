"""What the demo prints at the end: tables, a plot of views a day, or all of it as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date

from rich.console import Console
from rich.table import Table

from clients.audiencectl.caps import cap_on
from clients.audiencectl.demo_check import (
    Finding,
    check_caps,
    check_repeats,
    check_rows,
    views_by_day,
)
from clients.audiencectl.demo_scenario import Run
from clients.audiencectl.output import table_of
from clients.audiencectl.simulator import View

_PLOT_SIZE = 80, 14


@dataclass(frozen=True, kw_only=True)
class AudienceResult:
    """What happened to an audience. Days are UTC days with views."""

    audience: str
    account: str
    rows: int
    people: int
    merged: int
    no_profile: int
    rejected: int
    enriched: int
    cached: int
    partial: int
    failed: int
    days_taken: int
    days_forecast: int
    views_forecast: int


@dataclass(frozen=True, kw_only=True)
class Day:
    """Views of an account on one UTC day, and how many were allowed."""

    day: date
    views: int
    cap: int


@dataclass(frozen=True, kw_only=True)
class AccountResult:
    """What an account did."""

    account: str
    strategy: str
    pauses_at_cap: int
    resumptions: int
    days: list[Day]


@dataclass(frozen=True, kw_only=True)
class Report:
    """The whole result; ``ok`` when no check found anything."""

    audiences: list[AudienceResult]
    accounts: list[AccountResult]
    findings: list[Finding]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every rule held."""
        return not any(finding.breaches for finding in self.findings)

    def to_json(self) -> str:
        """One JSON document."""
        return json.dumps({"ok": self.ok, **asdict(self)}, default=str, indent=2)

    def print_to(self, console: Console) -> None:
        """Tables, plots and the verdict."""
        console.print(_audience_table(self.audiences))
        for account in filter(lambda each: each.days, self.accounts):
            console.print(_plot(account), highlight=False, markup=False, soft_wrap=True)
        for finding in self.findings:
            console.print(f"{'BROKEN' if finding.breaches else 'holds '}  {finding.rule}")
            for detail in finding.breaches:
                console.print(f"        {detail}")
        verdict = "All rules held" if self.ok else "RULES WERE BROKEN"
        console.print(f"{verdict}, by the simulator's own log of views. {self.seconds:.0f} s.")


def make_report(
    runs: Sequence[Run],
    views: Sequence[View],
    *,
    again: Mapping[str, Sequence[View]],
    nameless: set[str],
    seconds: float,
) -> Report:
    """Sum up and judge: ``again`` and ``nameless`` are the people viewed twice or hidden."""
    limits = {run.account.provider_account_id: (run.job.strategy, _ramp_start(run)) for run in runs}
    return Report(
        audiences=[_audience_result(run, views) for run in runs],
        accounts=[_account_result(run, views) for run in runs],
        findings=[
            check_caps(views, accounts=limits),
            check_repeats(again, nameless=nameless),
            check_rows({run.job.audience: (run.receipt, run.end.progress) for run in runs}),
        ],
        seconds=round(seconds, 1),
    )


def _audience_result(run: Run, views: Sequence[View]) -> AudienceResult:
    receipt, progress, forecast = run.receipt, run.end.progress, run.start.progress.forecast
    return AudienceResult(
        audience=run.job.audience,
        account=run.job.account,
        rows=receipt.rows,
        people=progress.members,
        merged=receipt.merged,
        no_profile=receipt.no_profile,
        rejected=receipt.rejected,
        enriched=progress.enriched,
        cached=progress.cached,
        partial=progress.partial,
        failed=progress.failed,
        days_taken=len(views_by_day(views, account=run.account.provider_account_id)),
        days_forecast=forecast.days_with_ramp,
        views_forecast=forecast.remaining_views,
    )


def _account_result(run: Run, views: Sequence[View]) -> AccountResult:
    ramp_start = _ramp_start(run)
    days = views_by_day(views, account=run.account.provider_account_id)
    return AccountResult(
        account=run.job.account,
        strategy=run.job.strategy,
        pauses_at_cap=run.news.cap_pauses,
        resumptions=run.news.resumptions,
        days=[
            Day(
                day=day,
                views=count,
                cap=cap_on(day, strategy=run.job.strategy, ramp_start=ramp_start),
            )
            for day, count in days.items()
        ],
    )


def _ramp_start(run: Run) -> date:
    return date.fromisoformat(run.account.ramp_start_date)


def _audience_table(results: Sequence[AudienceResult]) -> Table:
    labels = (
        "account",
        "rows in the file",
        "people",
        "merged rows",
        "rows without a profile",
        "rejected rows",
        "enriched by a view",
        "from the cache",
        "in part only",
        "failed",
        "days taken",
        "days forecast at the start",
        "views forecast at the start",
    )
    columns = [
        (
            each.account,
            each.rows,
            each.people,
            each.merged,
            each.no_profile,
            each.rejected,
            each.enriched,
            each.cached,
            each.partial,
            each.failed,
            each.days_taken,
            each.days_forecast,
            each.views_forecast,
        )
        for each in results
    ]
    rows = list(zip(labels, *columns, strict=True))
    return table_of(("", *(each.audience for each in results)), rows)


def _plot(account: AccountResult) -> str:
    # Loaded only here: it takes longer than all else, and every command imports this module.
    from clients.audiencectl.plots import plot

    return plot(
        f"{account.account} ({account.strategy}): views a day (█) and the cap (─)",
        days=range(1, len(account.days) + 1),
        line=[each.cap for each in account.days],
        bars=[each.views for each in account.days],
        x_unit="days of the demo (UTC)",
        y_unit="views a day",
        size=_PLOT_SIZE,
    )
