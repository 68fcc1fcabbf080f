"""What happened in a simulation, as those saw it who were there."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import redis
from enrichment.v1.events_pb2 import Event

from enrichment_service.ports import partition_of
from tests.simulation.plan import Plan

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class CampaignViews:
    """Views that a campaign made, which LinkedIn saw and the simulator did not."""

    account: str
    at_ms: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """A forecast: the days between which an enrichment ends, as ISO dates."""

    when: str
    enrichment: str
    asked_ms: int
    earliest: str
    latest: str


@dataclass(kw_only=True)
class History:
    """Written down while the simulation runs, and looked up at its end."""

    plan: Plan
    start_ms: int = 0
    strategies: dict[str, list[tuple[int, str, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Of each account: from when on (ms) which strategy, and its first day of week 1."""
    submitted: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """Of each enrichment: the profile that a reference was answered with."""
    cancelled: set[str] = field(default_factory=set)
    campaign: list[CampaignViews] = field(default_factory=list)
    foretold: list[Foretold] = field(default_factory=list)
    faults: int = 0
    """Kills, lost connections, lost leases and restarts."""
    recoveries: list[float] = field(default_factory=list)
    """Real seconds from each kill until everything due then was done."""
    asked: dict[str, str] = field(default_factory=dict)
    """The pool person behind every id that was ever submitted."""

    views: list[Json] = field(default_factory=list)
    """The simulator's own log."""
    events: list[Event] = field(default_factory=list)
    """The event log, read at the end."""
    followed: list[Event] = field(default_factory=list)
    """The events that a subscriber got that was there all the time."""
    progress: dict[str, dict[str, int]] = field(default_factory=dict)
    states: list[Event] = field(default_factory=list)
    """The state of every profile at the end, as a snapshot lists it."""
    committed: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    """Views that the books charge or will charge, by account, UTC day and purpose.

    A reservation that nobody settles is charged when it expires, perhaps after the end.
    """

    def read_books(self, client: "redis.Redis") -> None:
        """Takes the books of all days as they stand in the store."""
        for account in self.plan.accounts:
            tag = f"{{p{partition_of(account.workspace):02d}}}:"
            for key in client.scan_iter(f"{tag}budget:{account.id}:*", count=1000):
                day = int(key.rpartition(":")[2])
                for name, count in client.hgetall(key).items():
                    kind, _, purpose = str(name).partition(":")
                    if kind in ("c", "r"):
                        self.committed[account.id, day, purpose] += int(count)
