"""`audiencectl audience members`, `add`, `remove` and `stream`: who is in an audience."""

from collections.abc import Iterator
from contextlib import aclosing
from typing import Annotated

import typer
from audience.v1.audiences_pb2 import (
    AddProspectsRequest,
    DepartureReason,
    ListAudienceProspectsRequest,
    ListAudienceProspectsResponse,
    RemoveProspectsRequest,
    StreamProspectsRequest,
    StreamProspectsResponse,
)
from rich.console import Console
from rich.text import Text

from clients.audience import AudienceClient
from clients.audiencectl.audience_tables import member_row, member_table
from clients.audiencectl.batches import FileOption, batched, counting, values_of
from clients.audiencectl.failures import until_interrupted
from clients.audiencectl.kinds import AUDIENCE, PROSPECT, AudienceArgument
from clients.audiencectl.output import print_json, printable, short, word
from clients.audiencectl.people import People, split
from clients.audiencectl.resources import Limit, Page, PageToken, show_pages
from clients.audiencectl.session import AsJson, ask_audience, session_of
from clients.subscription import stream_prospects


def members(
    ctx: typer.Context,
    audience: AudienceArgument,
    limit: Limit = 100,
    page_token: PageToken = "",
    as_json: AsJson = False,
) -> None:
    """List an audience's members in the order in which they joined."""
    name = AUDIENCE.name(session_of(ctx), audience)

    async def call(client: AudienceClient, page: Page) -> ListAudienceProspectsResponse:
        return await client.audiences.ListAudienceProspects(
            ListAudienceProspectsRequest(audience=name, page_size=page.size, page_token=page.token)
        )

    show_pages(
        ctx,
        ask_audience,
        call,
        table=lambda answer: member_table(answer.members),
        limit=limit,
        page_token=page_token,
        as_json=as_json,
    )


def add(
    ctx: typer.Context,
    audience: AudienceArgument,
    people: People = None,
    file: FileOption = None,
    as_json: AsJson = False,
) -> None:
    """Add people to an audience. With --json one response a line, for at most 500 people each."""
    session = session_of(ctx)
    values = values_of(people, file, what="people")

    async def send(client: AudienceClient) -> tuple[int, int]:
        added = already_there = 0
        with counting("added") as counted:
            for batch in batched(values):
                named = split(session, batch)
                request = AddProspectsRequest(
                    audience=AUDIENCE.name(session, audience),
                    profile_urls=named.profile_urls,
                    prospects=named.prospects,
                )
                answer = await client.audiences.AddProspects(request)
                if as_json:
                    print_json(answer, indent=None)
                added += answer.added_count
                already_there += answer.already_there_count
                counted.add(len(batch))
        return added, already_there

    added, already_there = ask_audience(ctx, send)
    if not as_json:
        Console().print(f"Added {added:,}, {already_there:,} were there already.")


def remove(
    ctx: typer.Context,
    audience: AudienceArgument,
    prospects: Annotated[
        list[str] | None, typer.Argument(metavar="PROSPECT", help="Ids or full names.")
    ] = None,
    file: FileOption = None,
    as_json: AsJson = False,
) -> None:
    """Take prospects out of an audience; they stay in the workspace."""
    session = session_of(ctx)
    values = values_of(prospects, file, what="prospects")

    async def send(client: AudienceClient) -> int:
        removed = 0
        with counting("removed") as counted:
            for batch in batched(PROSPECT.name(session, each) for each in values):
                request = RemoveProspectsRequest(
                    audience=AUDIENCE.name(session, audience), prospects=batch
                )
                answer = await client.audiences.RemoveProspects(request)
                if as_json:
                    print_json(answer, indent=None)
                removed += answer.removed_count
                counted.add(len(batch))
        return removed

    removed = ask_audience(ctx, send)
    if not as_json:
        Console().print(f"Removed {removed:,}.")


def stream(
    ctx: typer.Context,
    audiences: Annotated[
        list[str],
        typer.Argument(
            metavar="AUDIENCE", help="Ids or full names.", autocompletion=AUDIENCE.complete
        ),
    ],
    exclude: Annotated[
        list[str] | None, AUDIENCE.option("Without the members of this one; repeatable.")
    ] = None,
    cursor: Annotated[str | None, typer.Option(help="Start after this cursor.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with who joins, changes and leaves.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read all members as a campaign enrols them; resumes by itself after any break.

    With --json every message is one line with its cursor.
    """
    session = session_of(ctx)
    request = StreamProspectsRequest(
        audiences=[AUDIENCE.name(session, each) for each in audiences],
        excluded_audiences=[AUDIENCE.name(session, each) for each in exclude or ()],
        follow=follow,
    )

    async def read(client: AudienceClient) -> None:
        console = Console()
        messages = stream_prospects(client.audiences, request, cursor=cursor)
        async with aclosing(messages):
            async for message in messages:
                if as_json:
                    print_json(message, indent=None)
                    continue
                for line in _lines(message):
                    console.print(Text(line), soft_wrap=True)

    with until_interrupted(endless=follow):
        ask_audience(ctx, read)


def _lines(message: StreamProspectsResponse) -> Iterator[str]:
    for member in message.members:
        yield printable("  ".join(filter(None, member_row(member))))
    for each in message.departures:
        reason = word("DEPARTURE_REASON", DepartureReason.Name(each.reason))
        into = f" into {short(each.merged_into)}" if each.merged_into else ""
        yield f"{short(each.prospect)}  left: {reason}{into}"
