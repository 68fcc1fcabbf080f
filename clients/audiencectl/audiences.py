"""`audiencectl audience`: lists of people, and their enrichment."""

from typing import Annotated

import typer
from audience.v1.audiences_pb2 import (
    Audience,
    CreateAudienceRequest,
    DeleteAudienceRequest,
    GetAudienceRequest,
    ListAudiencesRequest,
    PauseEnrichmentRequest,
    ResumeEnrichmentRequest,
    StartEnrichmentRequest,
    UpdateAudienceRequest,
)

from clients.audiencectl.audience_tables import audience_fields, audience_table
from clients.audiencectl.combining import combine
from clients.audiencectl.kinds import ACCOUNT, AUDIENCE, AudienceArgument
from clients.audiencectl.members import add, members, remove, stream
from clients.audiencectl.messages import readiness
from clients.audiencectl.output import show
from clients.audiencectl.receipts import receipt
from clients.audiencectl.resources import Etag, Verbs, changed, list_all
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


@app.command()
def update(
    ctx: typer.Context,
    audience: AudienceArgument,
    account: Annotated[str | None, ACCOUNT.option("Account that enriches it.")] = None,
    display_name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    etag: Etag = "",
    as_json: AsJson = False,
) -> None:
    """Change what is given, and leave the rest."""
    session = session_of(ctx)
    request = UpdateAudienceRequest(
        audience=Audience(
            name=AUDIENCE.name(session, audience),
            account=ACCOUNT.name(session, account) if account else "",
            display_name=display_name or "",
            description=description or "",
            etag=etag,
        ),
        update_mask=changed(account=account, display_name=display_name, description=description),
    )
    answer = ask_audience(ctx, lambda client: client.audiences.UpdateAudience(request))
    show(answer, as_json=as_json, table=lambda: audience_fields(answer.audience))


@app.command()
def delete(
    ctx: typer.Context, audience: AudienceArgument, etag: Etag = "", as_json: AsJson = False
) -> None:
    """Delete an audience. Its prospects stay in the workspace."""
    name = AUDIENCE.name(session_of(ctx), audience)
    request = DeleteAudienceRequest(name=name, etag=etag)
    answer = ask_audience(ctx, lambda client: client.audiences.DeleteAudience(request))
    show(answer, as_json=as_json, table=lambda: f"Deleted {name}.")


list_all(
    app,
    "List the workspace's audiences.",
    ask=ask_audience,
    call=lambda client, page: client.audiences.ListAudiences(
        ListAudiencesRequest(parent=page.parent, page_size=page.size, page_token=page.token)
    ),
    table=audience_table,
)
verbs = Verbs(app, AUDIENCE, ask=ask_audience, table=audience_fields)
verbs.add(
    "get",
    "Show one audience with progress and forecast.",
    lambda client, name: client.audiences.GetAudience(GetAudienceRequest(name=name)),
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
for command in (combine, members, add, remove, stream, receipt, readiness):
    app.command()(command)
