"""What the commands of ticks stand on, in plain Python: who has what, what is due, what is said."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.enrichment_service.model_budget import DAY_MS, BudgetModel, RefusalError
from tests.enrichment_service.model_people import PeopleModel

TICK_MS = 180_000  # seed: every 3 minutes
DEADLINE_MS = 10_000
SHOWN = {"e": "enriched", "c": "cached", "p": "partial", "f": "failed", "w": "withdrawn"}


@dataclass(kw_only=True)
class Place:
    """A profile in an enrichment; the states are q, v, r (pending) and those of `SHOWN`."""

    reference: str
    state: str = ""
    failure: str = ""
    attempts: int = 0
    partials: int = 0
    revision: int = 0


@dataclass(kw_only=True)
class Enrichment:
    """Its places, and the queue; what was withdrawn stays in the queue and is passed over."""

    account: str
    max_age_ms: int
    paused: bool = False
    cancelled: bool = False
    swept: bool = False
    queue: list[str] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)

    def progress(self) -> dict[str, int]:
        """All the counts."""
        waiting = "withdrawn" if self.cancelled else "pending"
        counts = Counter(SHOWN.get(place.state, waiting) for place in self.places.values())
        names = ("pending", "enriched", "cached", "partial", "failed", "withdrawn", "erased")
        shown = {name: counts[name] for name in names}
        return shown | {"total": counts.total() - counts["withdrawn"]}


@dataclass(kw_only=True)
class Account:
    """An account; `pause_until` 0 waits for a person."""

    provider: str
    budget: BudgetModel
    ring: list[str] = field(default_factory=list)
    retries: dict[tuple[str, str], int] = field(default_factory=dict)
    in_flight: tuple[str, str, str] | None = None
    fence: int = 0
    tick_at: int = 0
    tick_views: int = 0
    interrupted: bool = False
    pause_reason: str = ""
    pause_since: int = 0
    pause_until: int = 0
    limit_until: int = 0
    errors: int = 0
    errors_day: int = 0
    probing: bool = False


@dataclass(kw_only=True)
class EngineModel:
    """One workspace; `events` is what the log must say, in order."""

    now_ms: int
    spread_ms: int
    accounts: dict[str, Account] = field(default_factory=dict)
    enrichments: dict[str, Enrichment] = field(default_factory=dict)
    people: PeopleModel = field(default_factory=PeopleModel)
    due: dict[str, int] = field(default_factory=dict)
    leases: dict[str, bool] = field(default_factory=dict)
    """Accounts that are leased; False once the worker was silent for too long."""
    overdue: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def resumption_ms(self) -> int:
        """When accounts resume after midnight."""
        return (self.now_ms // DAY_MS + 1) * DAY_MS + self.spread_ms

    def holds(self, a: str, token: int) -> bool:
        return self.leases.get(a, False) and self.accounts[a].fence == token

    def check_lease(self, a: str, token: int) -> None:
        if not self.holds(a, token):
            raise RefusalError("LEASE_LOST")

    def is_being_viewed(self, viewing: tuple[str, str] | None) -> bool:
        if viewing is None:
            return False
        return self.accounts[viewing[0]].budget.reservations[viewing[1]].state == "open"

    def abandon(self, a: str) -> None:
        """A view that was not finished may have happened: charged, and in front again."""
        account = self.accounts[a]
        if account.in_flight is None:
            return
        e, p, reservation = account.in_flight
        account.in_flight = None
        if account.budget.reservations[reservation].state == "open":
            account.budget.expire(reservation)
        self.overdue.discard(a)
        enrichment = self.enrichments[e]
        if enrichment.places[p].state == "v" and not enrichment.cancelled:
            self.put_in_front(e, p)

    def put_in_front(self, e: str, p: str) -> None:
        self.enrichments[e].places[p].state = "q"
        self.enrichments[e].queue.insert(0, p)
        self.join_ring(e)

    def join_ring(self, e: str) -> None:
        enrichment = self.enrichments[e]
        ring = self.accounts[enrichment.account].ring
        if enrichment.queue and not (enrichment.paused or enrichment.cancelled) and e not in ring:
            ring.append(e)

    def schedule(self, a: str) -> None:
        if a in self.leases:
            return
        account = self.accounts[a]
        self.due.pop(a, None)
        if (account.pause_reason and not account.pause_until) or not (
            account.ring or account.retries
        ):
            return
        at = self.now_ms if account.ring else min(account.retries.values())
        if account.tick_at and not account.interrupted:
            at = max(at, account.tick_at + TICK_MS)
        self.due[a] = max(at, account.pause_until)

    def pause(self, a: str, reason: str, until_ms: int) -> None:
        account = self.accounts[a]
        if reason == "PROVIDER_LIMIT":
            account.limit_until = max(account.limit_until, until_ms)
        if (account.pause_reason, account.pause_until) == (reason, until_ms):
            return
        if account.pause_reason and until_ms and not 0 < account.pause_until <= until_ms:
            return
        account.pause_reason, account.pause_until = reason, until_ms
        account.pause_since = self.now_ms
        pause = {"reason": reason, "since": self.now_ms}
        pause |= {"until_ms": until_ms} if until_ms else {}
        self.say("ACCOUNT_PAUSED", a, budget=self.summary(a), pause=pause)

    def resume(self, a: str) -> None:
        account = self.accounts[a]
        if account.pause_reason:
            account.pause_reason, account.pause_since, account.pause_until = "", 0, 0
            self.say("ACCOUNT_RESUMED", a, budget=self.summary(a))

    def reconsider_cap(self, a: str) -> None:
        account = self.accounts[a]
        of_today = account.pause_since // DAY_MS == account.budget.day
        has_room = account.budget.budget()["for_enrichment"] > 0
        if account.pause_reason == "DAILY_CAP_REACHED" and of_today and has_room:
            self.resume(a)
            self.schedule(a)

    def summary(self, a: str) -> dict[str, int]:
        budget = self.accounts[a].budget.budget()
        summary = {name: budget[name] for name in ("day", "limit", "committed", "reserved")}
        return summary | {"enrichment": budget["usage"].get("c:ENRICHMENT", 0)}

    def say(self, kind: str, a: str, **event: Any) -> None:
        self.events.append({"t": kind, "w": a.split("/")[0], "a": a, **event})

    def say_enrichment(self, kind: str, e: str) -> None:
        enrichment = self.enrichments[e]
        self.say(kind, enrichment.account, e=e, progress=enrichment.progress())

    def say_idle(self, e: str, concluded: int) -> None:
        if concluded and not self.enrichments[e].progress()["pending"]:
            self.say_enrichment("ENRICHMENT_IDLE", e)

    def say_place(self, kind: str, e: str, p: str, *, budget: bool = False, **event: Any) -> None:
        enrichment = self.enrichments[e]
        place, a = enrichment.places[p], enrichment.account
        place.revision += 1
        if budget:
            event["budget"] = self.summary(a)
        progress = enrichment.progress()
        event |= {"e": e, "p": p, "r": place.reference, "v": place.revision, "progress": progress}
        self.say(kind, a, **event)

    def view(self, a: str, e: str, p: str) -> dict[str, Any]:
        account, place = self.accounts[a], self.enrichments[e].places[p]
        view = {
            "enrichment": e,
            "profile": p,
            "ask": self.people.records[p].ask,
            "provider": account.provider,
            "attempts": place.attempts,
            "partials": place.partials,
            "use_within_ms": account.budget.midnight_ms - DEADLINE_MS - self.now_ms,
        }
        if known := self.people.head(p).data.get("provider_id"):
            view["known"] = known
        return {"view": view}

    def place_of(self, enrichment: Enrichment, p: str, was: list[str]) -> str:
        """The place that a person has already, perhaps under a record that was joined."""
        found = p
        for joined in was:
            if found in enrichment.places and enrichment.places[found].state != "w":
                break
            found = joined if joined in enrichment.places else found
        return found

    def errors_of(self, a: str) -> int:
        """Errors of today."""
        account = self.accounts[a]
        return account.errors if account.errors_day == account.budget.day else 0
