"""The demo's judge: what the simulator saw, against the rules, computed here once more."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from audience.v1.audiences_pb2 import AudienceProgress, ImportReceipt

from clients.audiencectl.caps import cap_on
from clients.audiencectl.output import counted
from clients.audiencectl.simulator import View

_FRESH = timedelta(days=30)
_MOST_PARTIAL_VIEWS = 3


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One rule, and what breaks it: nothing when it holds."""

    rule: str
    breaches: list[str]


def views_by_day(views: Sequence[View], *, account: str) -> dict[date, int]:
    """Counted views of an account (the provider's id), in the order of the days."""
    days = Counter(view.day for view in views if view.account == account and view.counted)
    return dict(sorted(days.items()))


def check_caps(views: Sequence[View], *, accounts: Mapping[str, tuple[str, date]]) -> Finding:
    """No day of any account above its cap. ``accounts`` gives strategy and ramp start by id."""
    breaches = [
        f"{account}: {counted(count, 'view')} on {day}, the cap is {cap}"
        for account, (strategy, ramp_start) in accounts.items()
        for day, count in views_by_day(views, account=account).items()
        if count > (cap := cap_on(day, strategy=strategy, ramp_start=ramp_start))
    ]
    strangers = {view.account for view in views} - accounts.keys()
    if strangers:
        breaches.append(f"{counted(len(strangers), 'account')} viewed that nobody connected")
    return Finding(rule="no day of any account above its cap", breaches=breaches)


def repeated(views: Sequence[View]) -> dict[str, list[View]]:
    """People who were viewed again while the view before was fresh, with all their views."""
    seen: defaultdict[str, list[View]] = defaultdict(list)
    for view in views:
        if view.person is not None and view.counted:
            seen[view.person].append(view)
    return {
        person: mine
        for person, mine in seen.items()
        if any(
            later.time - earlier.time < _FRESH
            for earlier, later in pairwise(mine)
            if earlier.status == 200
        )
    }


def check_repeats(people: Mapping[str, Sequence[View]], *, nameless: set[str]) -> Finding:
    """Nobody whom the cache knew was viewed again.

    Those whose names LinkedIn hides are never known in full: an account tries them three times.
    """
    breaches: list[str] = []
    for person, views in people.items():
        most = max(Counter(view.account for view in views).values())
        if person in nameless and most <= _MOST_PARTIAL_VIEWS:
            continue
        told = ", ".join(f"{each.account} {each.time:%Y-%m-%d %H:%M:%S}" for each in views)
        breaches.append(f"one person: {told}")
    return Finding(rule="nobody whom the cache knew was viewed again", breaches=breaches)


def check_rows(audiences: Mapping[str, tuple[ImportReceipt, AudienceProgress]]) -> Finding:
    """Every row of a file has a class, and every person an end."""
    breaches: list[str] = []
    for audience, (receipt, progress) in audiences.items():
        classes = (
            receipt.added,
            receipt.already_there,
            receipt.merged,
            receipt.no_profile,
            receipt.suppressed,
            receipt.erased,
            receipt.rejected,
        )
        if sum(classes) != receipt.rows:
            breaches.append(
                f"{audience}: {counted(receipt.rows, 'row')}, {sum(classes)} accounted for"
            )
        ends = progress.enriched + progress.cached + progress.partial + progress.failed
        if not ends == progress.members == receipt.added:
            breaches.append(
                f"{audience}: {counted(receipt.added, 'person', 'people')} joined, "
                f"{counted(progress.members, 'member')}, {ends} came to an end"
            )
    return Finding(rule="every row accounted for, every person done", breaches=breaches)
