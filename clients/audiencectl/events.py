"""`audiencectl event`: the event log, read, followed and looked at."""

from contextlib import aclosing
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from enrichment.v1.events_pb2 import (
    GetEventLogRequest,
    ListEventsRequest,
    ListEventsResponse,
    Shard,
    StartPosition,
    SubscribeEventsRequest,
)
from rich.console import Console, Group, RenderableType
from rich.text import Text

from clients.audiencectl.event_filters import (
    Accounts,
    Enrichments,
    Full,
    Types,
    event_filter,
    event_view,
)
from clients.audiencectl.event_lines import event_line
from clients.audiencectl.failures import USAGE, in_words, refuse, until_interrupted
from clients.audiencectl.output import counted, print_json, show, table_of, when
from clients.audiencectl.resources import Limit, Page, PageToken, show_pages
from clients.audiencectl.session import AsJson, ask_enrichment, session_of
from clients.enrichment import EnrichmentClient
from clients.subscription import subscribe as follow_events

app = typer.Typer(no_args_is_help=True, help="What has happened, in order.")


class From(StrEnum):
    """Where to start."""

    NOW = "now"
    EARLIEST = "earliest"
    SNAPSHOT = "snapshot"


@app.command()
def subscribe(
    ctx: typer.Context,
    start: Annotated[From, typer.Option("--from", help="Where to start.")] = From.NOW,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Start at this time, ISO 8601; UTC.")
    ] = None,
    cursor: Annotated[str | None, typer.Option(help="Start after this cursor.")] = None,
    account: Accounts = None,
    enrichment: Enrichments = None,
    types: Types = None,
    shard: Annotated[
        str | None, typer.Option(metavar="INDEX/COUNT", help="One share of all, such as 0/4.")
    ] = None,
    full: Full = False,
    once: Annotated[bool, typer.Option("--once", help="End when caught up.")] = False,
    as_json: AsJson = False,
) -> None:
    """Follow events until Ctrl-C; resumes by itself after any break.

    With --json every message is one line with its cursor; its events are in batch.events.
    """
    request = SubscribeEventsRequest(
        filter=event_filter(session_of(ctx), accounts=account, enrichments=enrichment, types=types),
        shard=_shard(shard) if shard else None,
        view=event_view(full),
        stop_when_caught_up=once,
    )
    if since:
        request.start_time.FromDatetime(_time(since))
    else:
        request.start_position = StartPosition.Value(f"START_POSITION_{start.name}")

    async def follow(client: EnrichmentClient) -> None:
        console = Console()
        messages = follow_events(client.events, request, cursor=cursor)
        async with aclosing(messages):
            async for message in messages:
                if as_json:
                    print_json(message, indent=None)
                    continue
                for event in message.batch.events:
                    console.print(Text(event_line(event)), soft_wrap=True)

    with until_interrupted(endless=not once):
        ask_enrichment(ctx, follow)


@app.command("list")
def list_events(
    ctx: typer.Context,
    account: Accounts = None,
    enrichment: Enrichments = None,
    types: Types = None,
    full: Full = False,
    limit: Limit = 100,
    page_token: PageToken = "",
    as_json: AsJson = False,
) -> None:
    """List events from the oldest that is kept."""
    wanted = event_filter(session_of(ctx), accounts=account, enrichments=enrichment, types=types)

    async def call(client: EnrichmentClient, page: Page) -> ListEventsResponse:
        return await client.events.ListEvents(
            ListEventsRequest(
                filter=wanted, view=event_view(full), page_size=page.size, page_token=page.token
            )
        )

    show_pages(
        ctx,
        ask_enrichment,
        call,
        table=_lines,
        limit=limit,
        page_token=page_token,
        as_json=as_json,
    )


@app.command()
def log(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the partitions of the event log: how full, since when, and of which epoch."""
    answer = ask_enrichment(ctx, lambda client: client.events.GetEventLog(GetEventLogRequest()))
    title = (
        f"kept {in_words(answer.retention.ToTimedelta())}, "
        f"{counted(answer.subscriber_count, 'subscriber')} at this replica"
    )
    rows = [
        (each.index, each.event_count, when(each.floor_time), each.head_event_id, each.epoch)
        for each in answer.partitions
    ]
    columns = ("partition", "events", "kept since", "newest event", "epoch")
    show(answer, as_json=as_json, table=lambda: table_of(columns, rows, title=title))


def _lines(answer: ListEventsResponse) -> RenderableType:
    return Group(*(Text(event_line(each)) for each in answer.events))


def _shard(text: str) -> Shard:
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal()):
        refuse(f"--shard {text}: write it like 0/4.", status=USAGE)
    return Shard(index=int(index), count=int(count))


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        refuse(f"--since {text}: write it like 2026-01-05T08:00:00Z.", status=USAGE)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
