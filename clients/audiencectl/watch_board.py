"""What `audiencectl watch` knows: as the lists said last, and as events have told since."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from audience.v1.audiences_pb2 import Audience
from enrichment.v1.accounts_pb2 import Account
from enrichment.v1.enrichments_pb2 import Enrichment
from enrichment.v1.events_pb2 import (
    EVENT_TYPE_ACCOUNT_PAUSED,
    EVENT_TYPE_ACCOUNT_RESUMED,
    EVENT_TYPE_ENRICHMENT_PAUSED,
    EVENT_TYPE_ENRICHMENT_RESUMED,
    BudgetSummary,
    Event,
)
from enrichment.v1.view_budgets_pb2 import ViewBudget

_KEPT_EVENTS: Final = 200


@dataclass
class AccountState:
    """An account, and its use of the day."""

    account: Account
    budget: BudgetSummary


@dataclass
class AudienceState:
    """An audience, and how many members it had when it was seen first."""

    audience: Audience
    members_at_first: int

    @property
    def joined(self) -> int:
        """Members more than at first: an import or an addition under way."""
        return self.audience.progress.members - self.members_at_first


@dataclass
class Board:
    """Everything on the screen.

    ``following`` once events come in; ``outdated`` is set when only the lists can tell more.
    """

    workspace: str
    accounts: dict[str, AccountState] = field(default_factory=dict)
    enrichments: dict[str, Enrichment] = field(default_factory=dict)
    audiences: dict[str, AudienceState] = field(default_factory=dict)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=_KEPT_EVENTS))
    following: bool = False
    event_count: int = 0
    troubles: dict[str, str] = field(default_factory=dict)
    outdated: asyncio.Event = field(default_factory=asyncio.Event)

    def list_accounts(self, accounts: Iterable[Account], budgets: Iterable[ViewBudget]) -> None:
        """Replace the accounts by these."""
        by_name = {each.name.removesuffix("/viewBudget"): each for each in budgets}
        self.accounts = {
            each.name: AccountState(account=each, budget=_summary(by_name.get(each.name)))
            for each in accounts
        }

    def list_enrichments(self, enrichments: Iterable[Enrichment]) -> None:
        """Replace the enrichments by these."""
        self.enrichments = {each.name: each for each in enrichments}

    def list_audiences(self, audiences: Iterable[Audience]) -> None:
        """Replace the audiences by these."""
        before = self.audiences
        self.audiences = {
            each.name: AudienceState(
                audience=each,
                members_at_first=before[each.name].members_at_first
                if each.name in before
                else each.progress.members,
            )
            for each in audiences
        }

    def take_in(self, event: Event) -> None:
        """Note what an event says."""
        self.events.append(event)
        self.event_count += 1
        account = self.accounts.get(event.account)
        enrichment = self.enrichments.get(event.enrichment)
        if account is None or (event.enrichment and enrichment is None):
            self.outdated.set()
        if account is not None:
            if event.HasField("budget"):
                account.budget.CopyFrom(event.budget)
            if event.type == EVENT_TYPE_ACCOUNT_PAUSED:
                account.account.pause.CopyFrom(event.pause)
            elif event.type == EVENT_TYPE_ACCOUNT_RESUMED:
                account.account.ClearField("pause")
        if enrichment is not None:
            if event.HasField("progress"):
                enrichment.progress.CopyFrom(event.progress)
            if event.type == EVENT_TYPE_ENRICHMENT_PAUSED:
                enrichment.pause.CopyFrom(event.pause)
            elif event.type == EVENT_TYPE_ENRICHMENT_RESUMED:
                enrichment.ClearField("pause")


def _summary(budget: ViewBudget | None) -> BudgetSummary:
    if budget is None:
        return BudgetSummary()
    return BudgetSummary(
        date=budget.date,
        limit=budget.limit,
        committed=budget.committed,
        reserved=budget.reserved,
    )
