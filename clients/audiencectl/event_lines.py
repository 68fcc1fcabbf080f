"""An event on one line."""

from enrichment.v1.events_pb2 import Event, EventType, ProfileFailureReason

from clients.audiencectl.output import counted, pause_in_words, printable, short, when, word


def event_line(event: Event) -> str:
    """When, which account and enrichment, what happened, to which profile, and how things stand."""
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
        parts.append(f"{event.budget.committed}/{counted(event.budget.limit, 'view')}")
    if event.HasField("progress"):
        parts.append(f"{event.progress.pending} pending")
    return printable("  ".join(parts))
