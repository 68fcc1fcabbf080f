"""`audiencectl budget`: the views that an account may make today."""

import uuid
from enum import StrEnum
from typing import Annotated

import typer
from enrichment.v1.view_budgets_pb2 import (
    BatchGetViewBudgetsRequest,
    CommitViewsRequest,
    ConsumeViewsRequest,
    GetViewBudgetRequest,
    ReleaseViewsRequest,
    ReserveViewsRequest,
    ViewBudget,
    ViewPurpose,
)
from rich.console import Group, RenderableType
from rich.text import Text

from clients.audiencectl.budget_forecast import forecast
from clients.audiencectl.failures import USAGE, refuse
from clients.audiencectl.kinds import ACCOUNT, AccountArgument
from clients.audiencectl.output import fields_of, short, show, table_of, when, word
from clients.audiencectl.session import AsJson, Session, ask_enrichment, session_of

app = typer.Typer(no_args_is_help=True, help="The views that an account may make.")
app.command()(forecast)


class Purpose(StrEnum):
    """What a view is for."""

    CAMPAIGN_STEP = "campaign-step"
    MANUAL = "manual"


ReservationArgument = Annotated[
    str, typer.Argument(metavar="RESERVATION", help="ACCOUNT/ID as reserve shows it, or full name.")
]
CountArgument = Annotated[int, typer.Argument(metavar="COUNT", help="Views asked for.")]
PurposeOption = Annotated[Purpose, typer.Option(help="What the views are for.")]
Partial = Annotated[bool, typer.Option("--allow-partial", help="Take what is left instead.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only look; change nothing.")]
RequestId = Annotated[
    str | None, typer.Option(help="Repeating the call with the same id charges once.")
]


@app.command()
def get(ctx: typer.Context, account: AccountArgument, as_json: AsJson = False) -> None:
    """Show today's budget of an account."""
    request = GetViewBudgetRequest(name=_budget_name(session_of(ctx), account))
    answer = ask_enrichment(ctx, lambda client: client.view_budgets.GetViewBudget(request))
    show(answer, as_json=as_json, table=lambda: budget_fields(answer.view_budget))


@app.command("list")
def list_budgets(
    ctx: typer.Context,
    accounts: Annotated[
        list[str],
        typer.Argument(
            metavar="ACCOUNT", help="Ids or full names.", autocompletion=ACCOUNT.complete
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show today's budgets of several accounts (100 at most) side by side."""
    session = session_of(ctx)
    request = BatchGetViewBudgetsRequest(
        parent=session.parent, names=[_budget_name(session, each) for each in accounts]
    )
    answer = ask_enrichment(ctx, lambda client: client.view_budgets.BatchGetViewBudgets(request))
    columns = ("account", "day", "limit", "committed", "reserved", "available", "records lost")
    rows = [
        (
            short(each.name.removesuffix("/viewBudget")),
            each.date,
            each.limit,
            each.committed,
            each.reserved,
            each.available,
            each.day_lost,
        )
        for each in answer.view_budgets
    ]
    show(answer, as_json=as_json, table=lambda: table_of(columns, rows))


@app.command()
def consume(
    ctx: typer.Context,
    account: AccountArgument,
    count: CountArgument = 1,
    purpose: PurposeOption = Purpose.MANUAL,
    request_id: RequestId = None,
    allow_partial: Partial = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Charge views that are certain to happen."""
    request = ConsumeViewsRequest(
        account=ACCOUNT.name(session_of(ctx), account),
        purpose=_purpose(purpose),
        count=count,
        request_id=request_id or uuid.uuid4().hex,
        allow_partial=allow_partial,
        validate_only=dry_run,
    )
    answer = ask_enrichment(ctx, lambda client: client.view_budgets.ConsumeViews(request))
    title = f"{'Would charge' if dry_run else 'Charged'} {answer.consumed}"
    show(answer, as_json=as_json, table=lambda: budget_fields(answer.view_budget, title=title))


@app.command()
def reserve(
    ctx: typer.Context,
    account: AccountArgument,
    count: CountArgument = 1,
    purpose: PurposeOption = Purpose.MANUAL,
    ttl: Annotated[int, typer.Option(help="Seconds until it is charged unless settled.")] = 120,
    request_id: RequestId = None,
    allow_partial: Partial = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Set views aside; settle them with commit or release."""
    request = ReserveViewsRequest(
        account=ACCOUNT.name(session_of(ctx), account),
        purpose=_purpose(purpose),
        count=count,
        request_id=request_id or uuid.uuid4().hex,
        allow_partial=allow_partial,
        validate_only=dry_run,
    )
    request.ttl.FromSeconds(ttl)
    answer = ask_enrichment(ctx, lambda client: client.view_budgets.ReserveViews(request))
    held = answer.view_reservation
    title = f"Reserved {held.count}, use before {when(held.use_before_time)}"

    def table() -> RenderableType:
        # The name stands by itself: a title would be wrapped at the width of its table.
        return Group(Text(held.name), budget_fields(answer.view_budget, title=title))

    show(answer, as_json=as_json, table=table)


@app.command()
def commit(
    ctx: typer.Context,
    reservation: ReservationArgument,
    used: Annotated[
        int, typer.Argument(metavar="USED", help="Views that happened, or may have happened.")
    ],
    as_json: AsJson = False,
) -> None:
    """Charge what was used of a reservation; the rest returns."""
    request = CommitViewsRequest(name=_reservation_name(session_of(ctx), reservation), used=used)
    answer = ask_enrichment(ctx, lambda client: client.view_budgets.CommitViews(request))
    title = f"Charged {answer.charged}"
    show(answer, as_json=as_json, table=lambda: budget_fields(answer.view_budget, title=title))


@app.command()
def release(ctx: typer.Context, reservation: ReservationArgument, as_json: AsJson = False) -> None:
    """Return a whole reservation, for views that certainly did not happen."""
    request = ReleaseViewsRequest(name=_reservation_name(session_of(ctx), reservation))
    answer = ask_enrichment(ctx, lambda client: client.view_budgets.ReleaseViews(request))
    show(answer, as_json=as_json, table=lambda: budget_fields(answer.view_budget, title="Released"))


def budget_fields(budget: ViewBudget, *, title: str | None = None) -> RenderableType:
    """One budget, a field a line."""
    pairs: list[tuple[str, object]] = [
        ("day", budget.date),
        ("limit", budget.limit),
        ("committed", budget.committed),
        ("reserved", budget.reserved),
        ("available", budget.available),
        ("for enrichment", budget.available_for_enrichment),
        ("resets", when(budget.reset_time)),
        ("ramp week", budget.ramp_week),
    ]
    pairs += [
        (
            word("VIEW_PURPOSE", ViewPurpose.Name(usage.purpose)),
            f"{usage.committed} committed, {usage.reserved} reserved",
        )
        for usage in budget.usages
    ]
    if budget.day_lost:
        pairs.append(("records lost", "every view is refused until the reset"))
    return fields_of(pairs, title=title)


def _budget_name(session: Session, account: str) -> str:
    return f"{ACCOUNT.name(session, account)}/viewBudget"


def _reservation_name(session: Session, reservation: str) -> str:
    if reservation.startswith("workspaces/"):
        return session.name("viewReservations", reservation)
    account, slash, identifier = reservation.partition("/")
    if not slash:
        refuse(f"{reservation}: write it as ACCOUNT/ID, or give the full name.", status=USAGE)
    return f"{ACCOUNT.name(session, account)}/viewReservations/{identifier}"


def _purpose(purpose: Purpose) -> "ViewPurpose.ValueType":
    return ViewPurpose.Value(f"VIEW_PURPOSE_{purpose.name}")
