"""The view budget in plain Python: what the store's scripts must do, as simple as can be."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

DAY_MS = 86_400_000

# seed: enrichment daily caps, by ramp week
CAPS = {
    "NEW": (10, 20, 30, 40, 50, 60),
    "ESTABLISHED": (30, 46, 63, 80),
    "VETERAN": (50, 100),
    "RECOVERY": (5, 8, 12, 15, 19, 22, 26, 30),
}


class RefusalError(Exception):
    """A refusal: its reason and details. Nothing has changed."""

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


@dataclass
class Reservation:
    """Views set aside."""

    day: int
    purpose: str
    count: int
    state: str = "open"
    used: int = 0


@dataclass(kw_only=True)
class BudgetModel:
    """The budget of one account."""

    now_ms: int
    strategy: str
    share: int = 0
    ramp_start: int = -1
    lost_day: int = -1
    committed: dict[int, Counter[str]] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    requests: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.ramp_start < 0:
            self.ramp_start = self.day

    @property
    def day(self) -> int:
        """Today, UTC."""
        return self.now_ms // DAY_MS

    @property
    def midnight_ms(self) -> int:
        """When today ends."""
        return (self.day + 1) * DAY_MS

    def budget(self) -> dict[str, Any]:
        """What get_view_budgets shows, without zeros in the usage."""
        week = (self.day - self.ramp_start) // 7 + 1
        caps = CAPS[self.strategy]
        limit = caps[min(week, len(caps)) - 1]
        charged = self.committed.get(self.day, Counter())
        still_open = [r for r in self.reservations.values() if r.state == "open"]
        held = sum(r.count for r in still_open)
        available = max(0, limit - charged.total() - held)
        if self.day <= self.lost_day:
            available = 0
        of_today = Counter[str]()
        for reservation in still_open:
            if reservation.day == self.day:
                of_today[reservation.purpose] += reservation.count
        campaign = charged["CAMPAIGN_STEP"] + of_today["CAMPAIGN_STEP"]
        usage = {f"c:{purpose}": number for purpose, number in charged.items() if number}
        usage |= {f"r:{purpose}": number for purpose, number in of_today.items() if number}
        return {
            "day": self.day,
            "limit": limit,
            "week": week,
            "committed": charged.total(),
            "reserved": held,
            "available": available,
            "for_enrichment": max(0, available - max(0, self.share - campaign)),
            "usage": usage,
            "lost": self.day <= self.lost_day,
        }

    def consume(self, *, purpose: str, count: int, **request: Any) -> dict[str, Any]:
        """Charges at once."""
        if (repeated := self._repeated(request)) is not None:
            return repeated
        granted = self._grant(purpose, count, allow_partial=bool(request.get("allow_partial")))
        answer = {"granted": granted, "use_before": self.midnight_ms}
        if not request.get("validate_only"):
            self._charge(self.day, purpose, granted)
            self._remember(request, answer)
        return answer

    def reserve(
        self, *, purpose: str, count: int, reservation: str, ttl_ms: int, **request: Any
    ) -> dict[str, Any]:
        """Sets aside."""
        if (repeated := self._repeated(request)) is not None:
            return repeated
        granted = self._grant(purpose, count, allow_partial=bool(request.get("allow_partial")))
        answer = {
            "granted": granted,
            "reservation": reservation,
            "use_before": min(self.midnight_ms, self.now_ms + ttl_ms),
        }
        if not request.get("validate_only"):
            self.reservations[reservation] = Reservation(self.day, purpose, granted)
            self._remember(request, answer)
        return answer

    def settle(self, *, reservation: str, used: int | None) -> int:
        """Commits `used`, releases when None; views charged."""
        found = self.reservations.get(reservation)
        if found is None:
            raise RefusalError("RESERVATION_NOT_FOUND")
        if used is not None and used > found.count:
            raise RefusalError("USED_ABOVE_RESERVED", count=found.count)
        wanted = "released" if used is None else "committed"
        match found.state:
            case "expired" if used is None:
                raise RefusalError("RESERVATION_EXPIRED")
            case "expired":
                return found.count
            case "open":
                found.state, found.used = wanted, used or 0
                self._charge(found.day, found.purpose, found.used)
            case _ if (found.state, found.used) != (wanted, used or 0):
                raise RefusalError("RESERVATION_SETTLED", state=found.state, used=found.used)
        return found.used

    def expire(self, reservation: str) -> None:
        """An unknown outcome counts as views, of the day on which they were set aside."""
        found = self.reservations[reservation]
        found.state, found.used = "expired", found.count
        self._charge(found.day, found.purpose, found.count)

    def change_strategy(self, strategy: str) -> None:
        """The ramp begins anew, unless nothing changes."""
        if strategy != self.strategy:
            self.strategy, self.ramp_start = strategy, self.day

    def _grant(self, purpose: str, count: int, *, allow_partial: bool) -> int:
        budget = self.budget()
        available = budget["for_enrichment" if purpose == "ENRICHMENT" else "available"]
        if count <= available:
            return count
        if allow_partial and available:
            return int(available)
        raise RefusalError(
            "VIEW_BUDGET_EXHAUSTED",
            limit=budget["limit"],
            available=available,
            retry_after_ms=self.midnight_ms - self.now_ms,
            day_lost=budget["lost"],
        )

    def _charge(self, day: int, purpose: str, count: int) -> None:
        self.committed.setdefault(day, Counter())[purpose] += count

    def _repeated(self, request: dict[str, Any]) -> dict[str, Any] | None:
        if request.get("request_id") not in self.requests:
            return None
        body, answer = self.requests[request["request_id"]]
        if body != request["body"]:
            raise RefusalError("REQUEST_ID_REUSED")
        return answer

    def _remember(self, request: dict[str, Any], answer: dict[str, Any]) -> None:
        if request.get("request_id"):
            self.requests[request["request_id"]] = (request["body"], answer)
