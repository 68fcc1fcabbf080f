"""`audiencectl audience combine`: union, intersection and difference of audiences."""

import asyncio
from enum import StrEnum
from typing import Annotated, Final

import typer
from audience.v1.audiences_pb2 import (
    AUDIENCE_STATE_BUILDING,
    Audience,
    CombineAudiencesRequest,
    CombineAudiencesResponse,
    GetAudienceRequest,
    SetOperation,
)

from clients.audience import AudienceClient
from clients.audiencectl.audience_tables import audience_fields
from clients.audiencectl.batches import counting
from clients.audiencectl.kinds import AUDIENCE, AudienceArgument
from clients.audiencectl.output import show
from clients.audiencectl.session import AsJson, ask_audience, session_of

_POLL_SECONDS: Final = 0.5


class Operation(StrEnum):
    """Whose members it gets."""

    UNION = "union"
    INTERSECTION = "intersection"
    DIFFERENCE = "difference"


def combine(
    ctx: typer.Context,
    audience: AudienceArgument,
    operation: Annotated[
        Operation,
        typer.Argument(
            metavar="OPERATION",
            help="union: of any source; intersection: of all; difference: only of the first.",
        ),
    ],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="Audiences, in order.", autocompletion=AUDIENCE.complete
        ),
    ],
    display_name: Annotated[str, typer.Option(help="A name for people.")] = "",
    request_id: Annotated[str, typer.Option(help="Makes the call repeatable.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Until it is put together.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make an audience of others. It is put together in the background."""
    session = session_of(ctx)
    request = CombineAudiencesRequest(
        parent=session.parent,
        audience_id=audience,
        audience=Audience(display_name=display_name),
        operation=SetOperation.Value(f"SET_OPERATION_{operation.name}"),
        sources=[AUDIENCE.name(session, each) for each in sources],
        request_id=request_id,
    )

    async def run(client: AudienceClient) -> CombineAudiencesResponse:
        answer = await client.audiences.CombineAudiences(request)
        if wait:
            answer.audience.CopyFrom(await _ready(client, answer.audience))
        return answer

    answer = ask_audience(ctx, run)
    show(answer, as_json=as_json, table=lambda: audience_fields(answer.audience))


async def _ready(client: AudienceClient, audience: Audience) -> Audience:
    request = GetAudienceRequest(name=audience.name)
    with counting("members") as counted:
        members = 0
        while audience.state == AUDIENCE_STATE_BUILDING:
            await asyncio.sleep(_POLL_SECONDS)
            audience = (await client.audiences.GetAudience(request)).audience
            counted.add(audience.progress.members - members)
            members = audience.progress.members
    return audience
