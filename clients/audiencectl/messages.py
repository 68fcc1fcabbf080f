"""`audiencectl audience readiness` and `audiencectl prospect render`: merge tags before sending."""

import sys
from typing import Annotated

import typer
from audience.v1.audiences_pb2 import (
    CheckReadinessRequest,
    CheckReadinessResponse,
    RenderMessagesRequest,
)
from rich.console import RenderableType

from clients.audiencectl.kinds import AUDIENCE, PROSPECT, AudienceArgument
from clients.audiencectl.output import counted, short, show, table_of
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


def render(
    ctx: typer.Context,
    template: Template,
    prospects: Annotated[list[str], typer.Argument(metavar="PROSPECT", help="Ids or full names.")],
    as_json: AsJson = False,
) -> None:
    """Show a message as these prospects (100 at most) would get it."""
    session = session_of(ctx)
    request = RenderMessagesRequest(
        parent=session.parent,
        template=_text(template),
        prospects=[PROSPECT.name(session, each) for each in prospects],
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


def _text(template: str) -> str:
    return sys.stdin.read() if template == "-" else template
