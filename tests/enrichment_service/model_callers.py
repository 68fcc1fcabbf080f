"""What callers do, in plain Python: connect, submit, withdraw, pause, cancel, try again."""

from typing import Any

from tests.enrichment_service.model_budget import BudgetModel, RefusalError
from tests.enrichment_service.model_engine import SHOWN, Account, Enrichment, Place
from tests.enrichment_service.model_ticks import TickModel


class CallerModel(TickModel):
    """Commands of callers beside those of workers; each answers what its script must."""

    def connect(self, a: str, *, provider: str, strategy: str, share: int) -> None:
        """A new account."""
        budget = BudgetModel(now_ms=self.now_ms, strategy=strategy, share=share)
        self.accounts[a] = Account(provider=provider, budget=budget)
        self.say("ACCOUNT_CONNECTED", a, budget=self.summary(a))

    def create(self, e: str, *, account: str, max_age_ms: int) -> None:
        """An empty enrichment."""
        self.enrichments[e] = Enrichment(account=account, max_age_ms=max_age_ms)
        self.say_enrichment("ENRICHMENT_CREATED", e)

    def submit(self, e: str, profiles: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What became of each."""
        self.check_open(e)
        enrichment, answers, cached = self.enrichments[e], [], 0
        for profile in profiles:
            age_ms = enrichment.max_age_ms
            record = self.people.find(profile, now_ms=self.now_ms, max_age_ms=age_ms)
            p = self.place_of(enrichment, record.id, record.was)
            place = enrichment.places.setdefault(p, Place(reference=profile["reference"]))
            if place.state in ("", "w"):
                again = place.state == "w"
                place.reference = profile["reference"]
                place.attempts = place.partials = 0
                if record.is_fresh(self.now_ms, age_ms):
                    place.state = "c"
                    self.say_place("PROFILE_CACHED", e, p)
                    cached += 1
                else:
                    place.state = "q"
                    if again:
                        self.say_place("PROFILE_PENDING", e, p)
                    self.people.records[p].ask = profile["ask"]
                    enrichment.queue.append(p)
            answers.append({"profile": p, "reference": place.reference, "state": place.state})
        self.say_idle(e, cached)
        self.join_ring(e)
        self.schedule(enrichment.account)
        return answers

    def withdraw(self, e: str, profiles: list[str]) -> int:
        """How many were withdrawn."""
        enrichment, withdrawn = self.enrichments[e], 0
        for p in profiles:
            place = enrichment.places.get(p)
            if place is None or place.state in SHOWN or enrichment.cancelled:
                continue
            self.accounts[enrichment.account].retries.pop((e, p), None)
            place.state, place.failure = "w", ""
            self.say_place("PROFILE_WITHDRAWN", e, p)
            withdrawn += 1
        self.say_idle(e, withdrawn)
        self.schedule(enrichment.account)
        return withdrawn

    def set_paused(self, e: str, paused: bool) -> None:
        """Pauses an enrichment or ends that."""
        self.check_open(e)
        enrichment = self.enrichments[e]
        if enrichment.paused == paused:
            return
        enrichment.paused = paused
        ring = self.accounts[enrichment.account].ring
        if e in ring:
            ring.remove(e)
        self.join_ring(e)
        self.say_enrichment("ENRICHMENT_PAUSED" if paused else "ENRICHMENT_RESUMED", e)
        self.schedule(enrichment.account)

    def set_connected(self, a: str, connected: bool) -> None:
        """Disconnects an account, or ends a pause that waits for a person."""
        account = self.accounts[a]
        if not connected:
            self.pause(a, "ACCOUNT_DISCONNECTED", 0)
        else:
            account.errors = 0
            if account.pause_reason and not account.pause_until:
                if account.limit_until > self.now_ms:
                    account.pause_reason = ""
                    self.pause(a, "PROVIDER_LIMIT", account.limit_until)
                else:
                    self.resume(a)
        self.schedule(a)

    def update(self, a: str, *, strategy: str, share: int) -> None:
        """Other settings; another strategy begins its ramp today."""
        budget = self.accounts[a].budget
        if strategy != budget.strategy:
            budget.ramp_start = budget.day
        budget.strategy, budget.share = strategy, share
        self.reconsider_cap(a)
        self.say("ACCOUNT_UPDATED", a, budget=self.summary(a))

    def retry_failed(self, e: str) -> int:
        """How many wait again."""
        self.check_open(e)
        enrichment, queued = self.enrichments[e], 0
        for p, place in sorted(enrichment.places.items()):
            if place.state == "f":
                place.state, place.failure = "q", ""
                place.attempts = place.partials = 0
                self.say_place("PROFILE_PENDING", e, p)
                enrichment.queue.append(p)
                queued += 1
        self.join_ring(e)
        self.schedule(enrichment.account)
        return queued

    def cancel(self, e: str) -> None:
        """What is pending counts as withdrawn from now on; `sweep` writes it down."""
        enrichment = self.enrichments[e]
        if enrichment.cancelled:
            return
        enrichment.cancelled, enrichment.paused = True, False
        enrichment.queue.clear()
        ring = self.accounts[enrichment.account].ring
        if e in ring:
            ring.remove(e)
        self.say_enrichment("ENRICHMENT_CANCELLED", e)
        self.schedule(enrichment.account)

    def sweep(self) -> None:
        """All that cancelling left."""
        for e, enrichment in self.enrichments.items():
            if not enrichment.cancelled or enrichment.swept:
                continue
            enrichment.swept = True
            for p, place in enrichment.places.items():
                if place.state not in SHOWN:
                    place.state = "w"
                    self.accounts[enrichment.account].retries.pop((e, p), None)
            self.schedule(enrichment.account)

    def check_open(self, e: str) -> None:
        if self.enrichments[e].cancelled:
            raise RefusalError("ENRICHMENT_CANCELLED")
