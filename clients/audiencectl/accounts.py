"""`audiencectl account`: connected LinkedIn accounts."""

from enum import StrEnum
from typing import Annotated

import typer
from enrichment.v1.accounts_pb2 import (
    Account,
    AccountStrategy,
    ConnectAccountRequest,
    DeleteAccountRequest,
    DisconnectAccountRequest,
    GetAccountRequest,
    ListAccountsRequest,
    ListAccountsResponse,
    Pacing,
    ReconnectAccountRequest,
    UpdateAccountRequest,
    WorkingHours,
)
from rich.console import RenderableType

from clients.audiencectl.failures import USAGE, refuse
from clients.audiencectl.kinds import ACCOUNT, AccountArgument
from clients.audiencectl.output import fields_of, pause_in_words, short, show, table_of, when, word
from clients.audiencectl.resources import Etag, Verbs, changed, list_all
from clients.audiencectl.session import AsJson, ask_enrichment, session_of

app = typer.Typer(no_args_is_help=True, help="Connected LinkedIn accounts.")


class Strategy(StrEnum):
    """How old and trusted the account is."""

    NEW = "new"
    ESTABLISHED = "established"
    VETERAN = "veteran"
    RECOVERY = "recovery"


class PacingChoice(StrEnum):
    """How views spread over the day."""

    BURST = "burst"
    SPREAD = "spread"


ProviderId = Annotated[
    str, typer.Option("--provider-account-id", help="The provider's id of the account.")
]
StrategyOption = Annotated[Strategy | None, typer.Option(help="Sets the daily cap.")]
DisplayName = Annotated[str | None, typer.Option(help="A name for people.")]
RampStart = Annotated[str | None, typer.Option(help="First day of week 1, YYYY-MM-DD.")]
CampaignShare = Annotated[int | None, typer.Option(help="Views a day kept for campaigns.")]
PacingOption = Annotated[PacingChoice | None, typer.Option(help="How views spread over the day.")]
Hours = Annotated[
    str | None,
    typer.Option(
        "--working-hours",
        help="For spread pacing, for example Europe/Berlin/09:00-17:30/1-5 (Monday to Friday).",
    ),
]


@app.command()
def connect(
    ctx: typer.Context,
    account: AccountArgument,
    provider_account_id: ProviderId,
    strategy: Annotated[Strategy, typer.Option(help="Sets the daily cap.")],
    display_name: DisplayName = None,
    ramp_start_date: RampStart = None,
    campaign_share: CampaignShare = None,
    pacing: PacingOption = None,
    working_hours: Hours = None,
    request_id: Annotated[str, typer.Option(help="Makes the call repeatable.")] = "",
    as_json: AsJson = False,
) -> None:
    """Connect an account that the provider holds a session for."""
    wanted = _account(
        strategy, display_name, ramp_start_date, campaign_share, pacing, working_hours
    )
    wanted.provider_account_id = provider_account_id
    request = ConnectAccountRequest(
        parent=session_of(ctx).parent,
        account_id=account,
        account=wanted,
        request_id=request_id,
    )
    answer = ask_enrichment(ctx, lambda client: client.accounts.ConnectAccount(request))
    show(answer, as_json=as_json, table=lambda: account_fields(answer.account))


@app.command()
def update(
    ctx: typer.Context,
    account: AccountArgument,
    strategy: StrategyOption = None,
    display_name: DisplayName = None,
    ramp_start_date: RampStart = None,
    campaign_share: CampaignShare = None,
    pacing: PacingOption = None,
    working_hours: Hours = None,
    etag: Etag = "",
    as_json: AsJson = False,
) -> None:
    """Change what is given, and leave the rest."""
    mask = changed(
        strategy=strategy,
        display_name=display_name,
        ramp_start_date=ramp_start_date,
        campaign_share=campaign_share,
        pacing=pacing,
        working_hours=working_hours,
    )
    wanted = _account(
        strategy, display_name, ramp_start_date, campaign_share, pacing, working_hours
    )
    wanted.name = ACCOUNT.name(session_of(ctx), account)
    wanted.etag = etag
    request = UpdateAccountRequest(account=wanted)
    request.update_mask.CopyFrom(mask)
    answer = ask_enrichment(ctx, lambda client: client.accounts.UpdateAccount(request))
    show(answer, as_json=as_json, table=lambda: account_fields(answer.account))


@app.command()
def delete(
    ctx: typer.Context, account: AccountArgument, etag: Etag = "", as_json: AsJson = False
) -> None:
    """Delete the account. Its counters stay until the UTC day ends."""
    name = ACCOUNT.name(session_of(ctx), account)
    request = DeleteAccountRequest(name=name, etag=etag)
    answer = ask_enrichment(ctx, lambda client: client.accounts.DeleteAccount(request))
    show(answer, as_json=as_json, table=lambda: f"Deleted {name}.")


def account_table(answer: ListAccountsResponse) -> RenderableType:
    """Accounts, one a line."""
    columns = ("account", "strategy", "week", "cap today", "errors today", "pause")
    return table_of(
        columns,
        [
            (
                short(each.name),
                _strategy_word(each),
                each.ramp_week,
                each.daily_cap,
                each.counted_errors_today,
                pause_in_words(each.pause),
            )
            for each in answer.accounts
        ],
    )


def account_fields(account: Account) -> RenderableType:
    """One account, a field a line."""
    pairs: list[tuple[str, object]] = [
        ("name", account.name),
        ("display name", account.display_name),
        ("provider account", account.provider_account_id),
        ("strategy", _strategy_word(account)),
        ("ramp", f"week {account.ramp_week} since {account.ramp_start_date}"),
        ("cap today", account.daily_cap),
        ("kept for campaigns", account.campaign_share),
        ("pacing", word("PACING", Pacing.Name(account.pacing))),
        ("errors today", account.counted_errors_today),
        ("pause", pause_in_words(account.pause)),
        ("connected", when(account.create_time)),
        ("etag", account.etag),
    ]
    return fields_of((label, value) for label, value in pairs if value != "")


def _account(
    strategy: Strategy | None,
    display_name: str | None,
    ramp_start_date: str | None,
    campaign_share: int | None,
    pacing: PacingChoice | None,
    working_hours: str | None,
) -> Account:
    account = Account(
        display_name=display_name or "",
        ramp_start_date=ramp_start_date or "",
        campaign_share=campaign_share or 0,
    )
    if strategy is not None:
        account.strategy = AccountStrategy.Value(f"ACCOUNT_STRATEGY_{strategy.name}")
    if pacing is not None:
        account.pacing = Pacing.Value(f"PACING_{pacing.name}")
    if working_hours is not None:
        account.working_hours.CopyFrom(_hours(working_hours))
    return account


def _hours(text: str) -> WorkingHours:
    """`Europe/Berlin/09:00-17:30/1-5`; the zone has slashes of its own."""
    parts = text.split("/")
    weekdays: list[int] = []
    try:
        if ":" not in parts[-1]:
            first, _, last = parts.pop().partition("-")
            weekdays = list(range(int(first), int(last or first) + 1))
        start, _, end = parts.pop().partition("-")
        return WorkingHours(
            time_zone="/".join(parts),
            start_minute=_minute(start),
            end_minute=_minute(end),
            weekdays=weekdays,
        )
    except (ValueError, IndexError):
        refuse(
            f"--working-hours {text}: write them like Europe/Berlin/09:00-17:30/1-5.",
            status=USAGE,
        )


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _strategy_word(account: Account) -> str:
    return word("ACCOUNT_STRATEGY", AccountStrategy.Name(account.strategy))


list_all(
    app,
    "List the workspace's accounts.",
    ask=ask_enrichment,
    call=lambda client, page: client.accounts.ListAccounts(
        ListAccountsRequest(parent=page.parent, page_size=page.size, page_token=page.token)
    ),
    table=account_table,
)
verbs = Verbs(app, ACCOUNT, ask=ask_enrichment, table=account_fields)
verbs.add(
    "get",
    "Show one account.",
    lambda client, name: client.accounts.GetAccount(GetAccountRequest(name=name)),
)
verbs.add(
    "disconnect",
    "Stop all views of the account until it is reconnected.",
    lambda client, name: client.accounts.DisconnectAccount(DisconnectAccountRequest(name=name)),
)
verbs.add(
    "reconnect",
    "Say that the account can be used again; closes its breaker.",
    lambda client, name: client.accounts.ReconnectAccount(ReconnectAccountRequest(name=name)),
)
