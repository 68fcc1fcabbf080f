"""Use cases of enrichments: what is wanted, how far it is, how long it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from enrichment_service.accounts import parse_account
from enrichment_service.identifiers import fold_identifier
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
from enrichment_service.ports import StorePort, partition_of
from enrichment_service.refusals import ask
from enrichment_service.view_budgets import parse_budget
from servicekit.errors import ServiceError
from servicekit.names import random_id

FRESH_MS = 30 * DAY_MS
"""How long a viewed profile is fresh (seed: cached for 30 days)."""
_SHARED_PREFIX = 7
_PREFIX_SHARED_BY = 100

_STATES = {
    "q": ProfileState.PENDING,
    "v": ProfileState.PENDING,
    "r": ProfileState.PENDING,
    "e": ProfileState.ENRICHED,
    "c": ProfileState.CACHED,
    "p": ProfileState.PARTIAL,
    "f": ProfileState.FAILED,
    "w": ProfileState.WITHDRAWN,
}


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


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A person to enrich, by all known ids (the first is the one to ask for)."""

    identifiers: tuple[str, ...]
    reference: str


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What became of a submission; `profile` is its id within the workspace."""

    profile: str
    reference: str
    state: ProfileState


class Enrichments:
    """Creates enrichments, fills them and reads them."""

    def __init__(self, store: StorePort) -> None:
        self._store = store

    async def create(
        self,
        enrichment: str,
        *,
        account: str,
        display_name: str,
        max_age_ms: int | None,
        request_id: str | None,
        body: str,
    ) -> Enrichment:
        """An empty one. NOT_FOUND when there is no such account."""
        workspace, subject = _subject(enrichment)
        answer = await ask(
            self._store,
            partition_of(workspace),
            "create_enrichment",
            subject=subject,
            enrichment=enrichment,
            account=account,
            display_name=display_name,
            max_age_ms=FRESH_MS if max_age_ms is None else max_age_ms,
            request_id=request_id,
            body=body,
        )
        return _parse(answer)

    async def submit(self, enrichment: str, profiles: Sequence[Submission]) -> list[Submitted]:
        """Adds people; one that is there already stays as it is."""
        workspace, subject = _subject(enrichment)
        while True:
            try:
                answer = await ask(
                    self._store,
                    partition_of(workspace),
                    "submit_profiles",
                    subject=subject,
                    enrichment=enrichment,
                    profiles=[
                        {
                            "ids": [fold_identifier(text) for text in person.identifiers],
                            "ask": person.identifiers[0],
                            "reference": person.reference,
                            "fresh_id": fresh_id,
                        }
                        for person, fresh_id in zip(
                            profiles, _fresh_ids(len(profiles)), strict=True
                        )
                    ],
                )
            except ServiceError as error:
                if error.reason == "PROFILE_ID_TAKEN":
                    continue
                raise
            return [
                Submitted(
                    profile=item["profile"],
                    reference=item["reference"],
                    state=_STATES[item["state"]],
                )
                for item in answer
            ]

    async def withdraw(self, enrichment: str, profiles: Sequence[str]) -> int:
        """Takes out what is pending; how many that were."""
        workspace, subject = _subject(enrichment)
        answer = await ask(
            self._store,
            partition_of(workspace),
            "withdraw_profiles",
            subject=subject,
            enrichment=enrichment,
            profiles=list(profiles),
        )
        return int(answer["withdrawn"])

    async def get(self, enrichment: str) -> Enrichment:
        """With pause and forecast; costs the same for any size."""
        workspace, subject = _subject(enrichment)
        return _parse(
            await ask(
                self._store,
                partition_of(workspace),
                "get_enrichment",
                subject=subject,
                enrichment=enrichment,
            )
        )

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Enrichment]:
        """Enrichments of a workspace by id, without forecasts."""
        answer = await ask(
            self._store,
            partition_of(workspace),
            "list_enrichments",
            subject=f"workspaces/{workspace}",
            workspace=workspace,
            after=after,
            limit=limit,
        )
        return [_parse(item) for item in answer or ()]

    async def get_profiles(
        self, workspace: str, profiles: Sequence[str], *, account: str | None
    ) -> list[Mapping[str, Any]]:
        """Records of people from the cache, in the same order, as get_profiles.lua shows them.

        What only one account sees is there only for `account`.
        """
        answer = await ask(
            self._store,
            partition_of(workspace),
            "get_profiles",
            subject=f"workspaces/{workspace}",
            workspace=workspace,
            profiles=list(profiles),
            account=account,
        )
        return list(answer)

    async def set_paused(self, enrichment: str, *, paused: bool) -> Enrichment:
        """Pauses for the caller, or ends that pause."""
        workspace, subject = _subject(enrichment)
        await ask(
            self._store,
            partition_of(workspace),
            "set_enrichment_paused",
            subject=subject,
            enrichment=enrichment,
            paused=paused,
        )
        return await self.get(enrichment)


def _fresh_ids(count: int) -> list[str]:
    """Random profile ids; each hundred shares its first characters, and so a bucket of states."""
    ids: list[str] = []
    while len(ids) < count:
        prefix = random_id(_SHARED_PREFIX)
        bucket: set[str] = set()
        while len(bucket) < min(_PREFIX_SHARED_BY, count - len(ids)):
            bucket.add(prefix + random_id(6))
        ids += bucket
    return ids


def _parse(view: Mapping[str, Any]) -> Enrichment:
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


def _subject(enrichment: str) -> tuple[str, str]:
    workspace, _, name = enrichment.partition("/")
    return workspace, f"workspaces/{workspace}/enrichments/{name}"
