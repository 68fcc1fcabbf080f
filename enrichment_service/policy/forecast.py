"""How long an enrichment takes: its remaining views against the caps of the coming days.

Assumes that nothing fails and that campaigns spend no more than the share kept for them. Views of
several enrichments of an account are made in turn, one each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from enrichment_service.model import Strategy
from enrichment_service.policy.caps import DAYS_A_WEEK, RAMP, daily_cap, full_cap

# 9999-12-31, the last day that a date can name.
_LAST_DAY = 2_932_896


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOutlook:
    """What an account can do for enrichment, seen from today. Days count from 1970-01-01 UTC.

    Attributes:
        strategy: sets the caps.
        ramp_start_day: first day of week 1.
        day: today.
        views_left_today: views that enrichment may still make today: what the budget leaves it,
            and no more than ticks can still make; 0 if the account is paused for the day.
        campaign_share: views of each day's cap that are kept for campaign steps.
        views_possible: views that pacing allows on each of the seven days after today, which
            repeat week by week; None if it allows any number.
    """

    strategy: Strategy
    ramp_start_day: int
    day: int
    views_left_today: int
    campaign_share: int = 0
    views_possible: tuple[int, ...] | None = None

    def capacity(self, ahead: int) -> int:
        """Views that enrichment can make `ahead` days from today."""
        if ahead == 0:
            return self.views_left_today
        cap = daily_cap(self.strategy, ramp_start_day=self.ramp_start_day, day=self.day + ahead)
        kept = max(0, cap - self.campaign_share)
        if self.views_possible is None:
            return kept
        return min(kept, self.views_possible[(ahead - 1) % DAYS_A_WEEK])

    def steady_from(self) -> int:
        """Days from today after which capacities repeat week by week."""
        ramp_over = self.ramp_start_day + DAYS_A_WEEK * (RAMP[self.strategy].weeks - 1)
        return max(1, ramp_over - self.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How long the rest takes.

    Attributes:
        remaining_views: views still to be made for this enrichment.
        days_at_todays_cap: remaining views over today's cap, one decimal, rounded half up.
        days_at_full_cap: remaining views over the last cap of the ramp, likewise.
        days_with_ramp: days on which views are made until it ends, None if it never does.
        earliest_complete_day: the day on which it ends when no profile needs a second view; None
            if never (the kept share takes the whole cap) or after the year 9999.
        latest_complete_day: the same when every profile needs a second view, which may have to
            wait for the next day with views.
    """

    remaining_views: int
    days_at_todays_cap: float
    days_at_full_cap: float
    days_with_ramp: int | None
    earliest_complete_day: int | None
    latest_complete_day: int | None


def forecast(
    outlook: AccountOutlook, *, remaining: int, others: Sequence[int] = (), before: int = 0
) -> Forecast:
    """Foretell the end of an enrichment.

    Args:
        outlook: what its account can do.
        remaining: its views still to be made.
        others: views still to be made for each other active enrichment of the account, in turn.
        before: how many of these have their turn before this one.
    """
    ahead, days = _run(outlook, views=_in_turn(remaining, others=others, before=before))
    twice = [2 * other for other in others]
    ahead_twice, _ = _run(outlook, views=_in_turn(2 * remaining, others=twice, before=before))
    # A second view comes hours after the first one, so the last may fall on the next day.
    latest = None if ahead_twice is None else _next_day_with_views(outlook, after=ahead_twice)
    today = daily_cap(outlook.strategy, ramp_start_day=outlook.ramp_start_day, day=outlook.day)
    return Forecast(
        remaining_views=remaining,
        days_at_todays_cap=_ratio(remaining, today),
        days_at_full_cap=_ratio(remaining, full_cap(outlook.strategy)),
        days_with_ramp=days,
        earliest_complete_day=_date(outlook, ahead),
        latest_complete_day=_date(outlook, latest if remaining else ahead),
    )


def _ratio(views: int, cap: int) -> float:
    """Days with one decimal, rounded half up in integers: 1000 / 80 is 12.5, 1000 / 30 is 33.3."""
    return (20 * views + cap) // (2 * cap) / 10


def _in_turn(remaining: int, *, others: Sequence[int], before: int) -> int:
    """Views of the account up to the last one of this enrichment."""
    rounds = [remaining] * before + [max(0, remaining - 1)] * (len(others) - before)
    return remaining + sum(map(min, others, rounds))


def _run(outlook: AccountOutlook, *, views: int) -> tuple[int | None, int | None]:
    """Days from today to the day of the last view, and the number of days with views until then.

    Day by day through the ramp, then by whole weeks, so that it takes under a hundred steps.
    """
    if views <= 0:
        return 0, 0
    days = 0
    ahead = 0
    steady = outlook.steady_from()
    week = [outlook.capacity(steady + offset) for offset in range(DAYS_A_WEEK)]
    while True:
        if ahead == steady:
            if not any(week):
                return None, None
            # The week of the last view is walked through, all before it are leapt over.
            weeks = (views - 1) // sum(week)
            views -= weeks * sum(week)
            ahead += weeks * DAYS_A_WEEK
            days += weeks * sum(capacity > 0 for capacity in week)
        capacity = outlook.capacity(ahead)
        days += capacity > 0
        views -= capacity
        if views <= 0:
            return ahead, days
        ahead += 1


def _next_day_with_views(outlook: AccountOutlook, *, after: int) -> int | None:
    first = after + 1
    last = max(first, outlook.steady_from()) + DAYS_A_WEEK
    return next((day for day in range(first, last) if outlook.capacity(day)), None)


def _date(outlook: AccountOutlook, ahead: int | None) -> int | None:
    if ahead is None or outlook.day + ahead > _LAST_DAY:
        return None
    return outlook.day + ahead
