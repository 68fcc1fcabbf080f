"""`audiencectl budget forecast`: the remaining profiles day by day against the caps, drawn."""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import Final

import typer
from enrichment.v1.accounts_pb2 import Account, GetAccountRequest
from enrichment.v1.enrichments_pb2 import (
    Enrichment,
    GetEnrichmentRequest,
    ListEnrichmentsRequest,
    ListEnrichmentsResponse,
)
from enrichment.v1.view_budgets_pb2 import GetViewBudgetRequest, ViewBudget
from rich.console import Console

from clients.audiencectl.kinds import ACCOUNT, AccountArgument
from clients.audiencectl.output import forecast_in_words, pause_in_words, short, table_of
from clients.audiencectl.plan import is_done, plan
from clients.audiencectl.session import AsJson, ask_enrichment, session_of
from clients.enrichment import EnrichmentClient

_MOST: Final = 1000
_AT_A_TIME: Final = 16


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """An account, its budget, and its enrichments with something left to view."""

    account: Account
    budget: ViewBudget
    enrichments: list[Enrichment]

    @property
    def remaining(self) -> int:
        """Profiles still to be viewed."""
        return sum(each.progress.pending for each in self.enrichments)


def forecast(ctx: typer.Context, account: AccountArgument, as_json: AsJson = False) -> None:
    """Draw the views of the coming days against the caps, until nothing is left."""
    session = session_of(ctx)
    name = ACCOUNT.name(session, account)
    parent = name.partition("/accounts/")[0]
    outlook = ask_enrichment(ctx, lambda client: _read(client, name, parent=parent))
    days = plan(outlook.account, outlook.budget, remaining=outlook.remaining)
    if as_json:
        document = {"account": name, "days": [asdict(each) for each in days]}
        sys.stdout.write(json.dumps(document, default=str, indent=2) + "\n")
        return
    console = Console()
    if not days:
        console.print(f"{short(name)} has nothing left to view.")
        return
    # Drawing takes longer to load than all else, and the shell's completion loads this module.
    from clients.audiencectl.plan_plots import plots

    for drawing in plots(days, width=console.width):
        console.print(drawing, highlight=False, markup=False, soft_wrap=True)
    rows = [
        (short(each.name), each.progress.pending, forecast_in_words(each.forecast))
        for each in outlook.enrichments
    ]
    console.print(table_of(("enrichment", "pending", "forecast of the service"), rows))
    if pause := pause_in_words(outlook.account.pause):
        console.print(f"The account is paused: {pause}.")
    if not is_done(days):
        console.print("It never ends: the share that is kept for campaigns takes the whole cap.")


async def _read(client: EnrichmentClient, name: str, *, parent: str) -> Outlook:
    account = await client.accounts.GetAccount(GetAccountRequest(name=name))
    budget = await client.view_budgets.GetViewBudget(
        GetViewBudgetRequest(name=f"{name}/viewBudget")
    )
    names = await _names_at_work(client, name, parent=parent)
    found: list[Enrichment] = []
    for start in range(0, len(names), _AT_A_TIME):
        requests = [GetEnrichmentRequest(name=each) for each in names[start : start + _AT_A_TIME]]
        answers = await asyncio.gather(*map(client.enrichments.GetEnrichment, requests))
        found += [each.enrichment for each in answers]
    return Outlook(account=account.account, budget=budget.view_budget, enrichments=found)


async def _names_at_work(client: EnrichmentClient, account: str, *, parent: str) -> list[str]:
    names: list[str] = []
    page = ListEnrichmentsResponse()
    while True:
        page = await client.enrichments.ListEnrichments(
            ListEnrichmentsRequest(parent=parent, page_size=_MOST, page_token=page.next_page_token)
        )
        names += [
            each.name for each in page.enrichments if each.account == account and _at_work(each)
        ]
        if not page.next_page_token:
            return names


def _at_work(enrichment: Enrichment) -> bool:
    return enrichment.progress.pending > 0
