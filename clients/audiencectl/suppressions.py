"""`audiencectl suppression`: people who are never enrolled, viewed or imported."""

from collections.abc import Awaitable, Callable

import typer
from audience.v1.suppressions_pb2 import (
    ListSuppressionsRequest,
    ListSuppressionsResponse,
    SuppressProspectsRequest,
    UnsuppressProspectsRequest,
)
from rich.console import Console, RenderableType

from clients.audience import AudienceClient
from clients.audiencectl.batches import FileOption, batched, counting, values_of
from clients.audiencectl.output import print_json, table_of, when
from clients.audiencectl.people import People, Split, split
from clients.audiencectl.resources import list_all
from clients.audiencectl.session import AsJson, ask_audience, session_of

app = typer.Typer(no_args_is_help=True, help="People who are never enrolled or viewed.")


@app.command()
def add(
    ctx: typer.Context, people: People = None, file: FileOption = None, as_json: AsJson = False
) -> None:
    """Put people on the suppression list. With --json one response a line."""
    parent = session_of(ctx).parent

    async def call(client: AudienceClient, named: Split) -> int:
        request = SuppressProspectsRequest(
            parent=parent, profile_urls=named.profile_urls, prospects=named.prospects
        )
        answer = await client.suppressions.SuppressProspects(request)
        if as_json:
            print_json(answer, indent=None)
        return answer.added_count

    added = _in_batches(ctx, people, file=file, call=call)
    if not as_json:
        Console().print(f"Suppressed {added:,} who were not before.")


@app.command()
def remove(
    ctx: typer.Context, people: People = None, file: FileOption = None, as_json: AsJson = False
) -> None:
    """Take people off the suppression list. With --json one response a line."""
    parent = session_of(ctx).parent

    async def call(client: AudienceClient, named: Split) -> int:
        request = UnsuppressProspectsRequest(
            parent=parent, profile_urls=named.profile_urls, prospects=named.prospects
        )
        answer = await client.suppressions.UnsuppressProspects(request)
        if as_json:
            print_json(answer, indent=None)
        return answer.removed_count

    removed = _in_batches(ctx, people, file=file, call=call)
    if not as_json:
        Console().print(f"Took {removed:,} off the list.")


def _in_batches(
    ctx: typer.Context,
    people: People,
    *,
    file: FileOption,
    call: Callable[[AudienceClient, Split], Awaitable[int]],
) -> int:
    session = session_of(ctx)
    values = values_of(people, file, what="people")

    async def send(client: AudienceClient) -> int:
        total = 0
        with counting("people") as counted:
            for batch in batched(values):
                total += await call(client, split(session, batch))
                counted.add(len(batch))
        return total

    return ask_audience(ctx, send)


def _table(answer: ListSuppressionsResponse) -> RenderableType:
    rows = [(each.profile_url, when(each.create_time)) for each in answer.suppressions]
    return table_of(("profile", "since"), rows)


list_all(
    app,
    "List the suppressed people of the workspace.",
    ask=ask_audience,
    call=lambda client, page: client.suppressions.ListSuppressions(
        ListSuppressionsRequest(parent=page.parent, page_size=page.size, page_token=page.token)
    ),
    table=_table,
)
