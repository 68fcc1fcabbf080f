"""How the views of an account's enrichments spread over the coming days, if nothing fails."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from enrichment.v1.accounts_pb2 import PACING_SPREAD, Account, AccountStrategy
from enrichment.v1.view_budgets_pb2 import ViewBudget

from clients.audiencectl.caps import cap_on
from clients.audiencectl.output import word

_LONGEST: Final = 3650
# The longest ramp has eight weeks: after nine without a view the cap does not grow any more.
_LONGEST_IDLE: Final = 63


@dataclass(frozen=True, kw_only=True)
class PlannedDay:
    """A UTC day: the account's cap, the views for enrichment, and the profiles left after it."""

    day: date
    cap: int
    views: int
    left: int


def plan(account: Account, budget: ViewBudget, *, remaining: int) -> list[PlannedDay]:
    """The days until nothing is left, ten years at most; empty when there is nothing to view.

    Today has what the budget leaves to enrichment; later days have the cap of their ramp week, less
    the share that is kept for campaigns.
    """
    days: list[PlannedDay] = []
    left = remaining
    today = date.fromisoformat(budget.date)
    idle = 0
    while left > 0 and len(days) < _LONGEST and idle < _LONGEST_IDLE:
        day = today + timedelta(days=len(days))
        cap = cap_on(
            day,
            strategy=word("ACCOUNT_STRATEGY", AccountStrategy.Name(account.strategy)),
            ramp_start=date.fromisoformat(account.ramp_start_date),
        )
        possible = max(0, cap - account.campaign_share) if _works_on(account, day) else 0
        views = min(left, budget.available_for_enrichment if day == today else possible)
        left -= views
        idle = 0 if views else idle + 1
        days.append(PlannedDay(day=day, cap=cap, views=views, left=left))
    return days


def is_done(days: Iterable[PlannedDay]) -> bool:
    """Whether the days end with nothing left: not where campaigns are kept the whole cap."""
    return all(each.left == 0 for each in list(days)[-1:])


def _works_on(account: Account, day: date) -> bool:
    weekdays = account.working_hours.weekdays
    return account.pacing != PACING_SPREAD or not weekdays or day.isoweekday() in weekdays
