"""`audiencectl prospect`: the people of a workspace."""

from enum import StrEnum
from typing import Annotated

import typer
from audience.v1.prospects_pb2 import (
    EraseProspectRequest,
    FieldSource,
    GetProspectRequest,
    ListProspectsRequest,
    ListProspectsResponse,
    Prospect,
    ProspectSearch,
    UpdateProspectRequest,
)
from rich.console import RenderableType

from clients.audience import AudienceClient
from clients.audiencectl.erasure import Yes, make_sure
from clients.audiencectl.kinds import PROSPECT, ProspectArgument
from clients.audiencectl.messages import render
from clients.audiencectl.output import fields_of, short, show, table_of, when, word
from clients.audiencectl.resources import Etag, Limit, Page, PageToken, Verbs, changed, show_pages
from clients.audiencectl.session import AsJson, ask_audience, session_of

app = typer.Typer(no_args_is_help=True, help="The people of a workspace.")


class Field(StrEnum):
    """A field that can be searched."""

    FIRST_NAME = "first-name"
    LAST_NAME = "last-name"
    COMPANY = "company"
    HEADLINE = "headline"
    LOCATION = "location"


@app.command("list")
def list_prospects(
    ctx: typer.Context,
    beginning: Annotated[
        str | None,
        typer.Argument(metavar="BEGINNING", help="How the field begins, in any case."),
    ] = None,
    field: Annotated[Field, typer.Option(help="Field to search.")] = Field.LAST_NAME,
    limit: Limit = 100,
    page_token: PageToken = "",
    as_json: AsJson = False,
) -> None:
    """List the workspace's prospects, or those with a field that begins like this."""
    search = ProspectSearch(field=field.replace("-", "_"), prefix=beginning) if beginning else None

    async def call(client: AudienceClient, page: Page) -> ListProspectsResponse:
        return await client.prospects.ListProspects(
            ListProspectsRequest(
                parent=page.parent, page_size=page.size, page_token=page.token, search=search
            )
        )

    show_pages(
        ctx,
        ask_audience,
        call,
        table=_table,
        limit=limit,
        page_token=page_token,
        as_json=as_json,
    )


@app.command()
def update(
    ctx: typer.Context,
    prospect: ProspectArgument,
    first_name: Annotated[str | None, typer.Option()] = None,
    last_name: Annotated[str | None, typer.Option()] = None,
    headline: Annotated[str | None, typer.Option()] = None,
    company: Annotated[str | None, typer.Option()] = None,
    title: Annotated[str | None, typer.Option()] = None,
    location: Annotated[str | None, typer.Option()] = None,
    etag: Etag = "",
    as_json: AsJson = False,
) -> None:
    """Edit by hand what is given. No enrichment or import overwrites it."""
    given = {
        "first_name": first_name,
        "last_name": last_name,
        "headline": headline,
        "company": company,
        "title": title,
        "location": location,
    }
    wanted = Prospect(name=PROSPECT.name(session_of(ctx), prospect), etag=etag)
    for field, value in given.items():
        setattr(wanted, field, value or "")
    request = UpdateProspectRequest(prospect=wanted, update_mask=changed(**given))
    answer = ask_audience(ctx, lambda client: client.prospects.UpdateProspect(request))
    show(answer, as_json=as_json, table=lambda: _fields(answer.prospect))


@app.command()
def erase(
    ctx: typer.Context, prospect: ProspectArgument, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Erase a person from both services for good; imports refuse them from then on."""
    make_sure("Erasing a person", yes=yes)
    request = EraseProspectRequest(name=PROSPECT.name(session_of(ctx), prospect))
    answer = ask_audience(ctx, lambda client: client.prospects.EraseProspect(request))
    show(answer, as_json=as_json, table=lambda: "Erased.")


def _table(answer: ListProspectsResponse) -> RenderableType:
    columns = ("prospect", "first name", "last name", "company", "title", "enriched", "suppressed")
    return table_of(
        columns,
        [
            (
                short(each.name),
                each.first_name,
                each.last_name,
                each.company,
                each.title,
                when(each.enrich_time),
                each.suppressed,
            )
            for each in answer.prospects
        ],
    )


def _fields(prospect: Prospect) -> RenderableType:
    sources = {
        each.field: word("FIELD_SOURCE", FieldSource.Name(each.source))
        for each in prospect.provenance
    }

    def sourced(field: str, value: str) -> str:
        return f"{value}  ({sources[field]})" if field in sources else value

    pairs: list[tuple[str, object]] = [
        ("name", prospect.name),
        ("profile", prospect.profile_url),
        ("first name", sourced("first_name", prospect.first_name)),
        ("last name", sourced("last_name", prospect.last_name)),
        ("headline", sourced("headline", prospect.headline)),
        ("company", sourced("company", prospect.company)),
        ("title", sourced("title", prospect.title)),
        ("location", sourced("location", prospect.location)),
        ("suppressed", prospect.suppressed),
        ("enriched", when(prospect.enrich_time)),
        ("first seen", when(prospect.create_time)),
        ("etag", prospect.etag),
    ]
    return fields_of((label, value) for label, value in pairs if value != "")


app.command()(render)
verbs = Verbs(app, PROSPECT, ask=ask_audience, table=_fields)
verbs.add(
    "get",
    "Show one prospect, and where each field comes from.",
    lambda client, name: client.prospects.GetProspect(GetProspectRequest(name=name)),
)
