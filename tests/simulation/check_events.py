"""Promise 2 over a history: the event log, against states, counts and a subscriber."""

from collections import Counter, defaultdict

from enrichment.v1 import events_pb2 as pb
from enrichment.v1.enrichments_pb2 import EnrichmentProgress

from tests.simulation.history import History

_COUNT_OF = {
    pb.EVENT_TYPE_PROFILE_PENDING: "pending",
    pb.EVENT_TYPE_PROFILE_ENRICHED: "enriched",
    pb.EVENT_TYPE_PROFILE_CACHED: "cached",
    pb.EVENT_TYPE_PROFILE_PARTIAL: "partial",
    pb.EVENT_TYPE_PROFILE_FAILED: "failed",
    pb.EVENT_TYPE_PROFILE_WITHDRAWN: "withdrawn",
    pb.EVENT_TYPE_PROFILE_ERASED: "erased",
}


def check_ends(history: History) -> None:
    """Every profile that was taken in has one end event, and its state says the same."""
    events: defaultdict[tuple[str, str], list[pb.Event]] = defaultdict(list)
    for event in history.events:
        if event.profile:
            events[event.enrichment, event.profile].append(event)
    taken = {
        (enrichment, profile)
        for enrichment, profiles in history.submitted.items()
        for profile in profiles.values()
    }
    listed = [(_short(state.enrichment), state.profile) for state in history.states]
    assert set(listed) == taken
    assert len(listed) == len(taken)
    for state in history.states:
        mine = events.pop((state.enrichment, state.profile), [])
        # Revisions begin at 1 and grow by one with every event of the profile.
        assert [event.revision for event in mine] == list(range(1, state.revision + 1))
        ends = [event for event in mine if _is_end(event)]
        if state.type == pb.EVENT_TYPE_PROFILE_WITHDRAWN and not ends:
            # A cancellation is one event for all that was pending.
            assert _short(state.enrichment) in history.cancelled
            continue
        assert [event.type for event in ends] == [state.type]
        assert [event.failure_reason for event in ends] == [state.failure_reason]
        assert mine[-1] is ends[0], "an event after the end"
    assert not events, "events of profiles that nobody submitted"


def check_progress(history: History) -> None:
    """The counts add up and are those of the states, and the last event told them too."""
    told: dict[str, EnrichmentProgress] = {}
    for event in history.events:
        if event.HasField("progress"):
            told[_short(event.enrichment)] = event.progress
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for state in history.states:
        counts[_short(state.enrichment)][_COUNT_OF[state.type]] += 1
    for enrichment, progress in history.progress.items():
        parts = {name: count for name, count in progress.items() if name != "total" and count}
        assert parts == dict(counts[enrichment]), enrichment
        in_total = ("pending", "enriched", "cached", "partial", "failed")
        assert progress["total"] == sum(progress[name] for name in in_total)
        if enrichment in told:
            last = {name: getattr(told[enrichment], name) for name in progress}
            assert last == progress, enrichment


def check_order(history: History) -> None:
    """One order for an account, in time; the subscriber had every event, in that order."""
    orders = []
    for events in (history.events, history.followed):
        by_account: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for event in events:
            # At least once: a repeat after a broken stream counts where it came first.
            at_ms = event.event_time.ToMilliseconds()
            by_account[event.account].setdefault(event.event_id, at_ms)
        for times in by_account.values():
            assert list(times.values()) == sorted(times.values())
        orders.append({account: list(ids) for account, ids in by_account.items()})
    logged, followed = orders
    assert logged == followed
    ids = [event.event_id for event in history.events]
    assert len(set(ids)) == len(ids)


def _is_end(event: pb.Event) -> bool:
    return event.type != pb.EVENT_TYPE_PROFILE_PARTIAL or event.final


def _short(enrichment: str) -> str:
    """`<workspace>/<enrichment>` of a resource name."""
    return "/".join(enrichment.split("/")[1::2])
