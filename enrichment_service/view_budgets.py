"""Use cases of the view budget, which enrichment and campaign steps share."""

from collections.abc import Mapping, Sequence
from typing import Any

from enrichment_service.model import Grant, ViewBudget, ViewPurpose
from enrichment_service.ports import StorePort, partition_of
from enrichment_service.refusals import ask
from servicekit.names import random_id

RESERVATION_TTL_MS = 120_000
"""How long a reservation lives when the caller does not say, in real time."""

# How the store's scripts name what was committed and reserved for each purpose.
_USAGE = [(purpose, f"c:{purpose}", f"r:{purpose}") for purpose in ViewPurpose]


class ViewBudgets:
    """Asks for views, settles them, shows what is left. Accounts are `<workspace>/<account>`."""

    def __init__(self, store: StorePort) -> None:
        self._store = store

    async def get(self, workspace: str, accounts: Sequence[str]) -> list[ViewBudget]:
        """Today's budgets, in the same order; all accounts are of the workspace."""
        subject = _name(accounts[0]) if len(accounts) == 1 else f"one of {len(accounts)} accounts"
        answer = await ask(
            self._store,
            partition_of(workspace),
            "get_view_budgets",
            subject=subject,
            accounts=list(accounts),
        )
        return [parse_budget(account, item) for account, item in zip(accounts, answer, strict=True)]

    async def reserve(
        self,
        account: str,
        *,
        purpose: ViewPurpose,
        count: int,
        ttl_ms: int | None,
        allow_partial: bool,
        validate_only: bool,
        request_id: str | None,
        body: str,
    ) -> Grant:
        """Sets views aside. A repeat with the same request id gets the same reservation."""
        answer = await ask(
            self._store,
            partition_of(_workspace(account)),
            "reserve_views",
            subject=_name(account),
            account=account,
            purpose=purpose,
            count=count,
            reservation=random_id(16),
            ttl_ms=ttl_ms or RESERVATION_TTL_MS,
            allow_partial=allow_partial or None,
            validate_only=validate_only or None,
            request_id=request_id,
            body=body,
        )
        return Grant(
            count=int(answer["granted"]),
            reservation="" if validate_only else str(answer["reservation"]),
            use_before_ms=int(answer["use_before"]),
            expires_ms=int(answer["expires"]),
            budget=parse_budget(account, answer["budget"]),
        )

    async def settle(
        self, account: str, reservation: str, *, used: int | None
    ) -> tuple[int, ViewBudget]:
        """Commits `used` views, releases all when None; views charged, and the budget then."""
        answer = await ask(
            self._store,
            partition_of(_workspace(account)),
            "settle_reservation",
            subject=f"{_name(account)}/viewReservations/{reservation}",
            account=account,
            reservation=reservation,
            used=used,
        )
        return int(answer["charged"]), parse_budget(account, answer["budget"])

    async def consume(
        self,
        account: str,
        *,
        purpose: ViewPurpose,
        count: int,
        allow_partial: bool,
        validate_only: bool,
        request_id: str | None,
        body: str,
    ) -> Grant:
        """Charges views at once."""
        answer = await ask(
            self._store,
            partition_of(_workspace(account)),
            "consume_views",
            subject=_name(account),
            account=account,
            purpose=purpose,
            count=count,
            allow_partial=allow_partial or None,
            validate_only=validate_only or None,
            request_id=request_id,
            body=body,
        )
        return Grant(
            count=int(answer["granted"]),
            reservation="",
            use_before_ms=int(answer["use_before"]),
            expires_ms=0,
            budget=parse_budget(account, answer["budget"]),
        )


def parse_budget(account: str, view: Mapping[str, Any]) -> ViewBudget:
    """A budget as the store's scripts show it (`read_budget`)."""
    usage = view["usage"]
    by_purpose = {
        purpose: (int(usage.get(committed, 0)), int(usage.get(reserved, 0)))
        for purpose, committed, reserved in _USAGE
    }
    return ViewBudget(
        account=account,
        day=int(view["day"]),
        limit=int(view["limit"]),
        committed=int(view["committed"]),
        reserved=int(view["reserved"]),
        available=int(view["available"]),
        available_for_enrichment=int(view["for_enrichment"]),
        ramp_week=int(view["week"]),
        day_lost=bool(view["lost"]),
        by_purpose={purpose: both for purpose, both in by_purpose.items() if any(both)},
    )


def _workspace(account: str) -> str:
    return account.partition("/")[0]


def _name(account: str) -> str:
    workspace, _, name = account.partition("/")
    return f"workspaces/{workspace}/accounts/{name}"
