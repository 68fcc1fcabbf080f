"""Ticks in plain Python: leases, views, outcomes, breaker, cache and log, as simple as can be.

Names are full ones (`w/a`). The budget of each account is a `BudgetModel`.
"""

from typing import Any

from tests.enrichment_service.model_engine import DEADLINE_MS, TICK_MS, EngineModel, Place

TICK_VIEWS = 15  # seed: up to 15 per tick
BREAKER_ERRORS = 10  # seed: 10+ errors in a day


class TickModel(EngineModel):
    """What workers do in one workspace; each command answers what the script of that name must."""

    def advance_to(self, now_ms: int) -> None:
        """Time passes."""
        self.now_ms = now_ms
        for account in self.accounts.values():
            account.budget.now_ms = now_ms

    def claim(self) -> dict[str, Any]:
        """The account and token, if one is due, and what else claim_tick says."""
        for a in sorted(self.overdue):
            self.reconsider_cap(a)
        self.overdue.clear()
        for a in sorted(a for a, alive in self.leases.items() if not alive):
            del self.leases[a]
            self.accounts[a].fence += 1
            self.accounts[a].interrupted = True
            self.abandon(a)
            self.schedule(a)
        answer: dict[str, Any] = {}
        ready = sorted((at, a) for a, at in self.due.items() if at <= self.now_ms)
        if ready:
            a = ready[0][1]
            answer = {"account": a, "token": self._begin_tick(a)}
        permits = sum(
            reservation.state == "open"
            for account in self.accounts.values()
            for reservation in account.budget.reservations.values()
        )
        due = min(self.due.values(), default=None)
        return answer | {"due": due, "open": len(self.leases) + permits}

    def begin(self, a: str, token: int, reservation: str) -> dict[str, Any]:
        """The next view, or why there is none."""
        self.check_lease(a, token)
        account = self.accounts[a]
        if account.in_flight:
            e, p, begun = account.in_flight
            same = begun == reservation and self.enrichments[e].places[p].state == "v"
            if same and account.budget.reservations[begun].state == "open":
                return self.view(a, e, p)
            self.abandon(a)
        if account.pause_reason:
            return {"stop": "PAUSED"}
        while account.ring:
            e = account.ring[0]
            enrichment = self.enrichments[e]
            if not enrichment.queue:
                account.ring.pop(0)
                continue
            p = enrichment.queue[0]
            place, head = enrichment.places[p], self.people.head(p)
            if place.state != "q":
                enrichment.queue.pop(0)
            elif head.is_fresh(self.now_ms, enrichment.max_age_ms):
                enrichment.queue.pop(0)
                place.state = "c"
                self.say_place("PROFILE_CACHED", e, p)
                self.say_idle(e, 1)
            elif self.is_being_viewed(head.viewing):
                enrichment.queue.pop(0)
                place.state = "r"
                account.retries[e, p] = self.now_ms + TICK_MS
            elif account.tick_views >= TICK_VIEWS:
                return {"stop": "TICK_DONE"}
            elif self.now_ms + DEADLINE_MS >= account.budget.midnight_ms:
                return {"stop": "MIDNIGHT"}
            elif not account.budget.budget()["for_enrichment"]:
                self.pause(a, "DAILY_CAP_REACHED", self.resumption_ms)
                return {"stop": "DAILY_CAP_REACHED"}
            else:
                enrichment.queue.pop(0)
                account.ring.pop(0)
                if enrichment.queue:
                    account.ring.append(e)
                place.attempts += 1
                place.state = "v"
                account.budget.reserve(
                    purpose="ENRICHMENT", count=1, reservation=reservation, ttl_ms=0
                )
                head.viewing = (a, reservation)
                account.in_flight = (e, p, reservation)
                account.tick_views += 1
                return self.view(a, e, p)
        return {"stop": "NO_WORK"}

    def finish(
        self,
        a: str,
        token: int,
        view: tuple[str, str, str],
        *,
        outcome: str,
        charged: bool,
        error: bool,
        person: dict[str, Any] | None,
        **request: Any,
    ) -> dict[str, Any]:
        """Writes down a view."""
        account, (e, p, reservation) = self.accounts[a], view
        if account.budget.reservations[reservation].state == "open":
            account.budget.settle(reservation=reservation, used=1 if charged else None)
        elif account.in_flight == view:
            self.overdue.discard(a)
        viewed = p
        if person:
            viewed = self.people.write(
                p,
                person,
                provider=account.provider,
                complete=outcome == "ENRICHED",
                now_ms=self.now_ms,
            )
        if not self.holds(a, token):
            return {"stale": True}
        if account.in_flight != view:
            return {"stop": bool(account.pause_reason)}
        account.in_flight = None
        enrichment = self.enrichments[e]
        if enrichment.places[p].state == "v" and not enrichment.cancelled:
            if viewed != p:
                self._move_place(e, p, viewed)
            self._conclude(e, viewed, outcome, **request)
        if error:
            if account.errors_day != account.budget.day:
                account.errors = 0
            account.errors, account.errors_day = account.errors + 1, account.budget.day
            if account.errors >= BREAKER_ERRORS or account.probing:
                account.probing = True
                self.pause(a, "CIRCUIT_OPEN", 0)
        elif outcome != "RETRY":
            account.probing = False
        if pause := request.get("pause"):
            until_ms = self.now_ms + pause["for_ms"] if "for_ms" in pause else 0
            if pause.get("until_midnight"):
                until_ms = self.resumption_ms
            self.pause(a, pause["reason"], until_ms)
        return {"stop": bool(account.pause_reason)}

    def end(self, a: str, token: int, **request: Any) -> None:
        """Gives the account back."""
        self.check_lease(a, token)
        self.abandon(a)
        del self.leases[a]
        if pause := request.get("pause"):
            self.pause(a, pause["reason"], pause["until_ms"])
        self.schedule(a)
        if a in self.due and "not_before" in request:
            self.due[a] = max(self.due[a], self.resumption_ms)

    def renew(self, a: str, token: int) -> None:
        """The heartbeat."""
        self.check_lease(a, token)

    def let_expire(self, a: str) -> None:
        """The permit under way is over; whoever claims next charges it."""
        in_flight = self.accounts[a].in_flight
        assert in_flight is not None
        self.accounts[a].budget.expire(in_flight[2])
        self.overdue.add(a)

    def _begin_tick(self, a: str) -> int:
        account = self.accounts[a]
        ready = sorted((at, *key) for key, at in account.retries.items() if at <= self.now_ms)
        for _, e, p in ready[:TICK_VIEWS]:
            del account.retries[e, p]
            if not self.enrichments[e].cancelled:
                self.put_in_front(e, p)
        self.resume(a)
        del self.due[a]
        self.leases[a] = True
        account.fence += 1
        if not account.interrupted or self.now_ms >= account.tick_at + TICK_MS:
            account.tick_at, account.tick_views = self.now_ms, 0
        account.interrupted = False
        return account.fence

    def _move_place(self, e: str, p: str, to: str) -> None:
        places = self.enrichments[e].places
        former = places[p]
        former.state = "w"
        self.say_place("PROFILE_WITHDRAWN", e, p)
        places[to] = Place(
            reference=former.reference, state="v", attempts=1, revision=former.revision
        )

    def _conclude(self, e: str, p: str, outcome: str, **request: Any) -> None:
        enrichment = self.enrichments[e]
        place = enrichment.places[p]
        place.partials += outcome == "PARTIAL"
        again = request.get("retry_in_ms")
        if outcome == "ENRICHED":
            place.state = "e"
            self.say_place("PROFILE_ENRICHED", e, p, budget=True)
        elif outcome == "FAILED":
            place.state, place.failure = "f", request["failure"]
            self.say_place("PROFILE_FAILED", e, p, budget=True, f=place.failure)
        elif again is None:
            place.state = "p"
            self.say_place("PROFILE_PARTIAL", e, p, budget=True, x=True)
        else:
            place.attempts -= bool(request.get("free"))
            if again == 0:
                self.put_in_front(e, p)
            else:
                place.state = "r"
                self.accounts[enrichment.account].retries[e, p] = self.now_ms + again
            if outcome == "PARTIAL":
                self.say_place("PROFILE_PARTIAL", e, p, budget=True)
        self.say_idle(e, 1)
