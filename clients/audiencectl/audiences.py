"""`audiencectl audiences` and `audiencectl enrich`: lists of people, and their enrichment."""

from typing import Annotated

import typer
from audience.v1.audiences_pb2 import (
    Audience,
    CreateAudienceRequest,
    DeleteAudienceRequest,
    GetAudienceRequest,
    ListAudienceProspectsRequest,
    ListAudienceProspectsResponse,
    ListAudiencesRequest,
    ListAudiencesResponse,
    MemberState,
    PauseEnrichmentRequest,
    ResumeEnrichmentRequest,
    StartEnrichmentRequest,
)
from rich.console import RenderableType

from clients.audience import AudienceClient
from clients.audiencectl.output import (
    fields_of,
    forecast_in_words,
    pause_in_words,
    short,
    show,
    table_of,
    when,
    word,
)
from clients.audiencectl.session import AsJson, ask_audience, session_of

app = typer.Typer(no_args_is_help=True, help="Lists of people.")
enrich = typer.Typer(no_args_is_help=True, help="Start, pause and resume an audience's enrichment.")

AudienceArgument = Annotated[str, typer.Argument(help="Audience id or full name.")]


@app.command()
def create(
    ctx: typer.Context,
    audience: AudienceArgument,
    account: Annotated[str | None, typer.Option(help="Account that enriches it.")] = None,
    display_name: Annotated[str, typer.Option(help="A name for people.")] = "",
    description: Annotated[str, typer.Option(help="For people.")] = "",
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
            account=session.name("accounts", account) if account else "",
        ),
    )
    answer = ask_audience(ctx, lambda client: client.audiences.CreateAudience(request))
    show(answer, as_json=as_json, table=lambda: audience_fields(answer.audience))


@app.command("list")
def list_audiences(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the workspace's audiences."""

    async def read_all(client: AudienceClient) -> ListAudiencesResponse:
        request = ListAudiencesRequest(parent=session_of(ctx).parent, page_size=1000)
        found = ListAudiencesResponse()
        while True:
            page = await client.audiences.ListAudiences(request)
            found.audiences.extend(page.audiences)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    answer = ask_audience(ctx, read_all)
    columns = ("audience", "account", "members", "enriched", "cached", "failed", "pending")
    rows = [
        (
            short(each.name),
            short(each.account),
            each.progress.members,
            each.progress.enriched,
            each.progress.cached,
            each.progress.failed,
            each.progress.pending,
        )
        for each in answer.audiences
    ]
    show(answer, as_json=as_json, table=lambda: table_of(columns, rows))


@app.command()
def get(ctx: typer.Context, audience: AudienceArgument, as_json: AsJson = False) -> None:
    """Show one audience with progress and forecast."""
    request = GetAudienceRequest(name=session_of(ctx).name("audiences", audience))
    answer = ask_audience(ctx, lambda client: client.audiences.GetAudience(request))
    show(answer, as_json=as_json, table=lambda: audience_fields(answer.audience))


@app.command()
def delete(ctx: typer.Context, audience: AudienceArgument, as_json: AsJson = False) -> None:
    """Delete an audience. Its prospects stay in the workspace."""
    name = session_of(ctx).name("audiences", audience)
    request = DeleteAudienceRequest(name=name)
    answer = ask_audience(ctx, lambda client: client.audiences.DeleteAudience(request))
    show(answer, as_json=as_json, table=lambda: f"Deleted {name}.")


@app.command()
def prospects(
    ctx: typer.Context,
    audience: AudienceArgument,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List an audience's members in the order in which they joined."""

    async def read(client: AudienceClient) -> ListAudienceProspectsResponse:
        found = ListAudienceProspectsResponse()
        request = ListAudienceProspectsRequest(audience=session_of(ctx).name("audiences", audience))
        while len(found.members) < limit:
            request.page_size = min(1000, limit - len(found.members))
            page = await client.audiences.ListAudienceProspects(request)
            found.members.extend(page.members)
            found.next_page_token = page.next_page_token
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        return found

    answer = ask_audience(ctx, read)
    columns = ("prospect", "first name", "last name", "company", "title", "state")
    rows = [
        (
            short(each.prospect.name),
            each.prospect.first_name,
            each.prospect.last_name,
            each.prospect.company,
            each.prospect.title,
            word("MEMBER_STATE", MemberState.Name(each.state)),
        )
        for each in answer.members
    ]
    show(answer, as_json=as_json, table=lambda: table_of(columns, rows))


@enrich.command()
def start(ctx: typer.Context, audience: AudienceArgument, as_json: AsJson = False) -> None:
    """Start to enrich an audience with its account."""
    request = StartEnrichmentRequest(name=session_of(ctx).name("audiences", audience))
    answer = ask_audience(ctx, lambda client: client.audiences.StartEnrichment(request))
    show(answer, as_json=as_json, table=lambda: audience_fields(answer.audience))


@enrich.command()
def pause(ctx: typer.Context, audience: AudienceArgument, as_json: AsJson = False) -> None:
    """Stop the views for an audience."""
    request = PauseEnrichmentRequest(name=session_of(ctx).name("audiences", audience))
    answer = ask_audience(ctx, lambda client: client.audiences.PauseEnrichment(request))
    show(answer, as_json=as_json, table=lambda: audience_fields(answer.audience))


@enrich.command()
def resume(ctx: typer.Context, audience: AudienceArgument, as_json: AsJson = False) -> None:
    """End a pause."""
    request = ResumeEnrichmentRequest(name=session_of(ctx).name("audiences", audience))
    answer = ask_audience(ctx, lambda client: client.audiences.ResumeEnrichment(request))
    show(answer, as_json=as_json, table=lambda: audience_fields(answer.audience))


def audience_fields(audience: Audience) -> RenderableType:
    """One audience, a field a line."""
    progress = audience.progress
    pairs: list[tuple[str, object]] = [
        ("name", audience.name),
        ("display name", audience.display_name),
        ("account", audience.account),
        ("enrichment", audience.enrichment),
        ("members", progress.members),
        ("enriched by view", progress.enriched),
        ("from cache", progress.cached),
        ("partial", progress.partial),
        ("failed", progress.failed),
        ("pending", progress.pending),
        ("not submitted", progress.not_submitted),
        ("pause", pause_in_words(progress.pause)),
        ("forecast", forecast_in_words(progress.forecast)),
        ("created", when(audience.create_time)),
    ]
    if audience.enrichment and not progress.enrichment_reachable:
        pairs.append(("enrichment service", "did not answer: pause and forecast are missing"))
    return fields_of((label, value) for label, value in pairs if value != "")
