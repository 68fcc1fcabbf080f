"""Enrichments as they are read: progress, pause, forecast."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from enrichment_service.accounts import parse_account
from enrichment_service.model import (
    Account,
    EnrichmentState,
    Pacing,
    Pause,
    PauseReason,
    ProfileState,
    Progress,
    ViewBudget,
    ViewPurpose,
)
from enrichment_service.policy.forecast import AccountOutlook, Forecast, forecast
from enrichment_service.policy.pacing import DAY_MS, MINUTE_MS, views_possible
from enrichment_service.view_budgets import parse_budget

FRESH_MS = 30 * DAY_MS
"""How long a viewed profile is fresh (seed: cached for 30 days)."""
STATES = {
    "q": ProfileState.PENDING,
    "v": ProfileState.PENDING,
    "r": ProfileState.PENDING,
    "e": ProfileState.ENRICHED,
    "c": ProfileState.CACHED,
    "p": ProfileState.PARTIAL,
    "f": ProfileState.FAILED,
    "w": ProfileState.WITHDRAWN,
    "x": ProfileState.ERASED,
}
"""Profile states by the letter that the store keeps."""


@dataclass(frozen=True, kw_only=True)
class Enrichment:
    """An enrichment, `<workspace>/<enrichment>`, on an account, `<workspace>/<account>`.

    `pause` says why nothing is viewed although something is pending; `forecast` is there while
    something is pending and was asked for.
    """

    id: str
    account: str
    display_name: str
    max_age_ms: int
    state: EnrichmentState
    progress: Progress
    pause: Pause | None
    forecast: Forecast | None
    created_ms: int


def parse_enrichment(view: Mapping[str, Any]) -> Enrichment:
    """An enrichment as the store's scripts show it (`enrichment_view`)."""
    settings = view["settings"]
    progress = Progress(**{name: int(count) for name, count in view["progress"].items()})
    state = EnrichmentState.ACTIVE if progress.pending else EnrichmentState.IDLE
    if "cancelled" in settings:
        state = EnrichmentState.CANCELLED
    account = parse_account(view["account"]) if "account" in view else None
    pause = None
    if "paused_at" in settings:
        pause = Pause(
            reason=PauseReason.PAUSED_BY_CALLER, since_ms=int(float(settings["paused_at"]))
        )
    elif account is not None and progress.pending:
        pause = account.pause
    foretold = None
    if account is not None and "budget" in view and progress.pending:
        foretold = forecast(
            _outlook(account, parse_budget(account.id, view["budget"]), now_ms=int(view["now"])),
            remaining=progress.pending,
            others=[int(pending) for pending in view["others"] or ()],
            before=int(view["before"]),
        )
    return Enrichment(
        id=view["id"],
        account=settings["account"],
        display_name=settings.get("display_name", ""),
        max_age_ms=int(float(settings["max_age_ms"])),
        state=state,
        progress=progress,
        pause=pause,
        forecast=foretold,
        created_ms=int(settings["created"]),
    )


def _outlook(account: Account, budget: ViewBudget, *, now_ms: int) -> AccountOutlook:
    """What the account can do from now on. A pause that ends another day leaves nothing today; one
    that waits for a person is taken to end at once."""
    day, of_day = divmod(now_ms, DAY_MS)
    possible = views_possible(
        pacing=account.pacing,
        hours=account.working_hours,
        day=day,
        from_minute=of_day // MINUTE_MS,
    )
    # A view under way is pending and has its permit already.
    _, under_way = budget.by_purpose.get(ViewPurpose.ENRICHMENT, (0, 0))
    left = min(budget.available_for_enrichment + under_way, possible)
    if account.pause and account.pause.until_ms and account.pause.until_ms // DAY_MS > day:
        left = 0
    per_day = None
    if account.pacing is Pacing.SPREAD:
        per_day = tuple(
            views_possible(pacing=account.pacing, hours=account.working_hours, day=day + ahead)
            for ahead in range(1, 8)
        )
    return AccountOutlook(
        strategy=account.strategy,
        ramp_start_day=account.ramp_start_day,
        day=day,
        views_left_today=left,
        campaign_share=account.campaign_share,
        views_possible=per_day,
    )


def subject_of(enrichment: str) -> tuple[str, str]:
    """Workspace and full name of `<workspace>/<enrichment>`."""
    workspace, _, name = enrichment.partition("/")
    return workspace, f"workspaces/{workspace}/enrichments/{name}"
