"""`audiencectl audience`: lists of people, and their enrichment."""

from typing import Annotated

import typer
from audience.v1.audiences_pb2 import (
    Audience,
    CreateAudienceRequest,
    DeleteAudienceRequest,
    GetAudienceRequest,
    PauseEnrichmentRequest,
    ResumeEnrichmentRequest,
    StartEnrichmentRequest,
    UndeleteAudienceRequest,
)

from clients.audiencectl.account_check import warn_unless_linked
from clients.audiencectl.audience_settings import list_audiences, update
from clients.audiencectl.audience_tables import asked_audience_fields, audience_fields
from clients.audiencectl.combining import combine
from clients.audiencectl.kinds import ACCOUNT, AUDIENCE, AudienceArgument
from clients.audiencectl.members import add, members, remove, stream
from clients.audiencectl.messages import readiness, unready
from clients.audiencectl.output import show, when
from clients.audiencectl.receipts import receipt
from clients.audiencectl.resources import Etag, Verbs
from clients.audiencectl.session import AsJson, ask_audience, session_of

app = typer.Typer(no_args_is_help=True, help="Lists of people, and their enrichment.")


@app.command()
def create(
    ctx: typer.Context,
    audience: AudienceArgument,
    account: Annotated[str | None, ACCOUNT.option("Account that enriches it.")] = None,
    display_name: Annotated[str, typer.Option(help="A name for people.")] = "",
    description: Annotated[str, typer.Option(help="For people.")] = "",
    request_id: Annotated[str, typer.Option(help="Makes the call repeatable.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create an empty audience."""
    session = session_of(ctx)
    request = CreateAudienceRequest(
        parent=session.parent,
        audience_id=audience,
        audience=Audience(
            display_name=display_name,
            description=description,
            account=ACCOUNT.name(session, account) if account else "",
        ),
        request_id=request_id,
    )
    answer = ask_audience(ctx, lambda client: client.audiences.CreateAudience(request))
    show(answer, as_json=as_json, table=lambda: audience_fields(answer.audience))
    if answer.audience.account:
        warn_unless_linked(ctx, answer.audience.account)


@app.command()
def delete(
    ctx: typer.Context, audience: AudienceArgument, etag: Etag = "", as_json: AsJson = False
) -> None:
    """Delete an audience; `undelete` brings it back for a while. Its prospects stay."""
    name = AUDIENCE.name(session_of(ctx), audience)
    request = DeleteAudienceRequest(name=name, etag=etag)
    answer = ask_audience(ctx, lambda client: client.audiences.DeleteAudience(request))
    until = when(answer.audience.purge_time)
    show(answer, as_json=as_json, table=lambda: f"Deleted {name}. Until {until} it can come back.")


app.command("list")(list_audiences)
Verbs(app, AUDIENCE, ask=ask_audience, table=asked_audience_fields).add(
    "get",
    "Show one audience with progress and forecast.",
    lambda client, name: client.audiences.GetAudience(GetAudienceRequest(name=name)),
)
verbs = Verbs(app, AUDIENCE, ask=ask_audience, table=audience_fields)
verbs.add(
    "undelete",
    "Bring a deleted audience back, with its members and its enrichment.",
    lambda client, name: client.audiences.UndeleteAudience(UndeleteAudienceRequest(name=name)),
)
verbs.add(
    "enrich",
    "Start to enrich an audience with its account.",
    lambda client, name: client.audiences.StartEnrichment(StartEnrichmentRequest(name=name)),
)
verbs.add(
    "pause",
    "Stop the views for an audience until it is resumed.",
    lambda client, name: client.audiences.PauseEnrichment(PauseEnrichmentRequest(name=name)),
)
verbs.add(
    "resume",
    "End a pause.",
    lambda client, name: client.audiences.ResumeEnrichment(ResumeEnrichmentRequest(name=name)),
)
for command in (update, combine, members, add, remove, stream, receipt, readiness, unready):
    app.command()(command)
