"""The state of profiles, as events that would lead to it, in the order of the store's keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from enrichment_service.event_cursors import Place, Position, parse_id
from enrichment_service.event_filter import EventFilter
from enrichment_service.event_log import LogStore, check
from enrichment_service.event_pages import Event

_PAGE = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ListedState(Event):
    """A profile's state; the snapshot goes on behind `place`."""

    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePage:
    """States that pass the filter, and how far that has come; `ends` with the partition."""

    states: list[ListedState]
    place: Place
    ends: bool


async def read_states(
    store: LogStore, place: Place, head: Position, *, event_filter: EventFilter, joined: bool
) -> StatePage:
    """What follows the place in its partition, whose log had the given head at the beginning.

    OUT_OF_RANGE (CURSOR_EXPIRED, LOG_EPOCH_CHANGED) when the tail could not go on from the head.
    """
    workspaces = event_filter.workspaces_named()
    request: dict[str, object] = {
        "enrichment": place.enrichment,
        "profile": place.profile,
        "limit": _PAGE,
        "join": joined,
        # Others are not even looked at: a cursor names the place that was reached.
        "workspaces": None if workspaces is None else sorted(workspaces),
        "accounts": sorted(event_filter.accounts) or None,
        "enrichments": sorted(event_filter.enrichments) or None,
    }
    answer = await store.call(place.partition, "read_states", request)
    check(head, epoch=store.epoch(place.partition), trimmed=parse_id(answer["trimmed"]))
    listed = [
        _parse(item, partition=place.partition, epoch=head.epoch, now_ms=int(answer["now"]))
        for item in answer["states"]
    ]
    return StatePage(
        states=[state for state in listed if event_filter.wants(state.entry)],
        place=Place(place.partition, answer["enrichment"], answer["profile"]),
        ends=bool(answer["ends"]),
    )


def _parse(item: list[Any], *, partition: int, epoch: str, now_ms: int) -> ListedState:
    entry: Mapping[str, Any] = item[0]
    profile, since, *joined = item[1:]
    record = joined[0] if joined else None
    known = record.get("data") if record else None
    return ListedState(
        # A place has one state at a revision, but for what was pending in a cancelled enrichment.
        event_id=f"p{partition:02d}-{epoch}-{entry['e']}/{profile}-{entry['v']}-{entry['t']}",
        time_ms=int(since) if since else None,
        place=Place(partition, entry["e"], profile),
        entry=entry,
        record=record,
        now_ms=now_ms,
        weight=450 + (len(known) if known else 0),
    )
