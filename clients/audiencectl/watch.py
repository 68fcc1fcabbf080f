"""`audiencectl watch`: the event log as it grows."""

from contextlib import aclosing
from enum import StrEnum
from typing import Annotated

import typer
from enrichment.v1.events_pb2 import (
    EVENT_VIEW_BASIC,
    EVENT_VIEW_FULL,
    Event,
    EventFilter,
    EventType,
    ProfileFailureReason,
    StartPosition,
    SubscribeEventsRequest,
)
from rich.console import Console

from clients.audiencectl.output import pause_in_words, print_json, short, when, word
from clients.audiencectl.session import AsJson, ask_enrichment, session_of
from clients.enrichment import EnrichmentClient
from clients.subscription import subscribe


class From(StrEnum):
    """Where to start."""

    NOW = "now"
    EARLIEST = "earliest"
    SNAPSHOT = "snapshot"


def watch(
    ctx: typer.Context,
    start: Annotated[From, typer.Option("--from", help="Where to start.")] = From.NOW,
    cursor: Annotated[str | None, typer.Option(help="Start after this cursor.")] = None,
    account: Annotated[list[str] | None, typer.Option(help="Only this account.")] = None,
    enrichment: Annotated[list[str] | None, typer.Option(help="Only this enrichment.")] = None,
    full: Annotated[bool, typer.Option("--full", help="With profile data.")] = False,
    once: Annotated[bool, typer.Option("--once", help="End when caught up.")] = False,
    as_json: AsJson = False,
) -> None:
    """Follow events until Ctrl-C; resumes by itself after any break.

    With --json every message is one line with its cursor; its events are in batch.events.
    """
    session = session_of(ctx)
    request = SubscribeEventsRequest(
        filter=EventFilter(
            workspaces=[session.parent],
            accounts=[session.name("accounts", each) for each in account or ()],
            enrichments=[session.name("enrichments", each) for each in enrichment or ()],
        ),
        view=EVENT_VIEW_FULL if full else EVENT_VIEW_BASIC,
        start_position=StartPosition.Value(f"START_POSITION_{start.name}"),
        stop_when_caught_up=once,
    )

    async def follow(client: EnrichmentClient) -> None:
        console = Console()
        messages = subscribe(client.events, request, cursor=cursor)
        async with aclosing(messages):
            async for message in messages:
                if as_json:
                    print_json(message, indent=None)
                else:
                    for event in message.batch.events:
                        console.print(event_line(event), highlight=False)

    try:
        ask_enrichment(ctx, follow)
    except KeyboardInterrupt:
        # The ordinary end of following something that has none.
        return


def event_line(event: Event) -> str:
    """One event on one line."""
    parts = [when(event.event_time), short(event.account)]
    if event.enrichment:
        parts.append(short(event.enrichment))
    parts.append(word("EVENT_TYPE", EventType.Name(event.type)))
    if event.profile:
        parts.append(short(event.profile))
    if event.profile_data.last_name:
        parts.append(f"{event.profile_data.first_name} {event.profile_data.last_name}")
    if event.failure_reason:
        reason = ProfileFailureReason.Name(event.failure_reason)
        parts.append(word("PROFILE_FAILURE_REASON", reason))
    if event.HasField("pause"):
        parts.append(pause_in_words(event.pause))
    if event.HasField("budget"):
        parts.append(f"{event.budget.committed}/{event.budget.limit} views")
    if event.HasField("progress"):
        parts.append(f"{event.progress.pending} pending")
    return "  ".join(parts)
