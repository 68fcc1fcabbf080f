"""What callers do besides submitting, in plain Python: settings, cancelling, trying again."""

from tests.enrichment_service.model_budget import RefusalError
from tests.enrichment_service.model_engine import SHOWN
from tests.enrichment_service.model_ticks import TickModel


class CallerModel(TickModel):
    """Commands that change what is there already."""

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
