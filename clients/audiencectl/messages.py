"""`audiencectl audience readiness` and `unready`, `prospect render`: merge tags before sending."""

import sys
from typing import Annotated

import typer
from audience.v1.audiences_pb2 import (
    CheckReadinessRequest,
    CheckReadinessResponse,
    ListUnreadyMembersRequest,
    ListUnreadyMembersResponse,
    RenderMessagesRequest,
)
from rich.console import RenderableType

from clients.audience import AudienceClient
from clients.audiencectl.kinds import AUDIENCE, PROSPECT, AudienceArgument
from clients.audiencectl.output import counted, short, show, table_of
from clients.audiencectl.resources import Limit, Page, PageToken, show_pages
from clients.audiencectl.session import AsJson, ask_audience, session_of

Template = Annotated[
    str,
    typer.Argument(
        metavar="TEMPLATE", help="Text with merge tags: {{firstName|there}}; - reads it from stdin."
    ),
]


def readiness(
    ctx: typer.Context, audience: AudienceArgument, template: Template, as_json: AsJson = False
) -> None:
    """Say how many members have what the tags of a message need."""
    request = CheckReadinessRequest(
        audience=AUDIENCE.name(session_of(ctx), audience), template=_text(template)
    )
    answer = ask_audience(ctx, lambda client: client.audiences.CheckReadiness(request))
    show(answer, as_json=as_json, table=lambda: _readiness_table(answer))


def unready(
    ctx: typer.Context,
    audience: AudienceArgument,
    template: Template,
    limit: Limit = 100,
    page_token: PageToken = "",
    as_json: AsJson = False,
) -> None:
    """List the members for whom a message cannot be filled, with the tags that they lack."""
    name, text = AUDIENCE.name(session_of(ctx), audience), _text(template)

    async def call(client: AudienceClient, page: Page) -> ListUnreadyMembersResponse:
        request = ListUnreadyMembersRequest(
            audience=name, template=text, page_size=page.size, page_token=page.token
        )
        return await client.audiences.ListUnreadyMembers(request)

    show_pages(
        ctx,
        ask_audience,
        call,
        table=_unready_table,
        limit=limit,
        page_token=page_token,
        as_json=as_json,
    )


def render(
    ctx: typer.Context,
    template: Template,
    prospects: Annotated[list[str], typer.Argument(metavar="PROSPECT", help="Ids or full names.")],
    audience: Annotated[
        str | None, AUDIENCE.option("Audience to write to them in, for {{connectionDegree}}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a message as these prospects (100 at most) would get it."""
    session = session_of(ctx)
    request = RenderMessagesRequest(
        parent=session.parent,
        template=_text(template),
        prospects=[PROSPECT.name(session, each) for each in prospects],
        audience=AUDIENCE.name(session, audience) if audience else "",
    )
    answer = ask_audience(ctx, lambda client: client.audiences.RenderMessages(request))
    rows = [
        (short(each.prospect), each.text, ", ".join(each.missing_tags)) for each in answer.messages
    ]
    columns = ("prospect", "message", "missing")
    show(answer, as_json=as_json, table=lambda: table_of(columns, rows))


def _readiness_table(answer: CheckReadinessResponse) -> RenderableType:
    rows = [
        (each.tag, each.ready_count, each.missing_count, each.has_fallback) for each in answer.tags
    ]
    columns = ("tag", "have it", "lack it", "has a fallback")
    return table_of(
        columns, rows, title=f"{counted(answer.ready_count, 'member')} can be written to"
    )


def _unready_table(answer: ListUnreadyMembersResponse) -> RenderableType:
    rows = [
        (
            short(each.member.prospect.name),
            each.member.prospect.profile_url,
            ", ".join(each.missing_tags),
        )
        for each in answer.members
    ]
    return table_of(("prospect", "profile", "missing"), rows)


def _text(template: str) -> str:
    return sys.stdin.read() if template == "-" else template
