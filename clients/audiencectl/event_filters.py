"""Which events a command wants: the options, and the filter that they make."""

from typing import Annotated

import typer
from enrichment.v1.events_pb2 import (
    EVENT_VIEW_BASIC,
    EVENT_VIEW_FULL,
    EventFilter,
    EventType,
    EventView,
)

from clients.audiencectl.failures import USAGE, refuse
from clients.audiencectl.kinds import ACCOUNT, ENRICHMENT
from clients.audiencectl.session import Session

_PREFIX = "EVENT_TYPE_"
_TYPES = [
    name.removeprefix(_PREFIX).lower().replace("_", "-")
    for name, number in EventType.items()
    if number
]


def _complete_types(incomplete: str) -> list[str]:
    return [each for each in _TYPES if each.startswith(incomplete)]


Accounts = Annotated[list[str] | None, ACCOUNT.option("Only this account; repeatable.")]
Enrichments = Annotated[list[str] | None, ENRICHMENT.option("Only this enrichment; repeatable.")]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="Only this type, such as profile-enriched; repeatable.",
        autocompletion=_complete_types,
    ),
]
Full = Annotated[bool, typer.Option("--full", help="With profile data.")]


def event_filter(
    session: Session,
    *,
    accounts: list[str] | None,
    enrichments: list[str] | None,
    types: list[str] | None,
) -> EventFilter:
    """The workspace's events, or those of the given accounts, enrichments and types."""
    return EventFilter(
        workspaces=[session.parent],
        accounts=[ACCOUNT.name(session, each) for each in accounts or ()],
        enrichments=[ENRICHMENT.name(session, each) for each in enrichments or ()],
        types=[_type(each) for each in types or ()],
    )


def event_view(full: bool) -> "EventView.ValueType":
    """With profile data or without."""
    return EVENT_VIEW_FULL if full else EVENT_VIEW_BASIC


def _type(text: str) -> "EventType.ValueType":
    if text not in _TYPES:
        refuse(f"--type {text}: one of {', '.join(_TYPES)}.", status=USAGE)
    return EventType.Value(_PREFIX + text.upper().replace("-", "_"))
