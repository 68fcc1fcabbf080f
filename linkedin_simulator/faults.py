"""Faults: what goes wrong, for whom and how often."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from linkedin_simulator import documents
from linkedin_simulator.errors import kind_of

Action = Literal[
    "error",
    "throttle",
    "null_names",
    "another_member",
    "not_a_profile",
    "bad_gateway_html",
    "hang",
    "drip",
    "reset",
    "redirect",
    "huge_body",
    "broken_json",
    "delay",
]


class Match(BaseModel):
    """Which requests are hit: all conditions must hold; no condition means every request.

    Attributes:
        account_id: only requests of this account.
        identifier: only requests for this person, under whichever identifier.
        every: only every Nth request of those above (the Nth, the 2Nth, …).
        probability: only this share of them (0 to 1), drawn by a generator with `seed`.
        times: only so often; then the fault has expired. Counted over restarts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str | None = None
    identifier: str | None = None
    every: int | None = Field(default=None, ge=1)
    probability: float | None = Field(default=None, ge=0, le=1)
    seed: int = 0
    times: int | None = Field(default=None, ge=1)


class Rule(BaseModel):
    """What is done to the requests that match.

    Attributes:
        action: what goes wrong; `delay` answers normally after `delay_ms`.
        type: for `error`, the error type without `errors/`.
        status: for `error`, the HTTP status; by default that of the error table.
        retry_after: for `error`, the value of a Retry-After header, as it is.
        delay_ms: wait so long before anything else, in milliseconds.
        interval_ms: for `drip`, milliseconds between two bytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: Match = Match()
    action: Action
    type: str | None = Field(default=None, pattern=r"^[a-z_]+$")
    status: int | None = Field(default=None, ge=400, le=599)
    retry_after: str | None = Field(default=None, pattern=r"^[ -~]*$")
    delay_ms: int = Field(default=0, ge=0)
    interval_ms: int = Field(default=1000, ge=1)

    @model_validator(mode="after")
    def _error_has_a_type(self) -> "Rule":
        if self.action == "error":
            if self.type is None:
                raise ValueError("the action `error` needs a type, such as too_many_requests")
            kind_of(name=self.type, status=self.status)
        return self


class Fault(NamedTuple):
    """A rule and the id that it was given."""

    id: str
    rule: Rule


class _Stored(BaseModel):
    next: int = 1
    rules: dict[str, Rule] = {}


class Faults:
    """The faults in force, in the order they were posted; the first that matches is played.

    Rules are kept in a file. How often one was played is counted by the view log, which survives
    a kill; the counters behind `every` and `probability` begin anew with the process.
    """

    def __init__(self, path: Path) -> None:
        """Load the file."""
        self._path = path
        stored = _Stored.model_validate(documents.load(path) or {})
        self._next = stored.next
        self._rules = stored.rules
        self._seen: Counter[str] = Counter()
        self._random = {key: random.Random(rule.match.seed) for key, rule in self._rules.items()}

    def add(self, rule: Rule) -> Fault:
        """Put a rule in force, after those that already are; its id is never used again."""
        fault = Fault(id=f"fault-{self._next}", rule=rule)
        self._next += 1
        self._rules[fault.id] = rule
        self._random[fault.id] = random.Random(rule.match.seed)
        self._save()
        return fault

    def remove(self, fault_id: str | None = None) -> bool:
        """Lift one fault, or all; False when there is none of that id."""
        if fault_id is None:
            self._rules.clear()
        elif self._rules.pop(fault_id, None) is None:
            return False
        self._save()
        return True

    def listed(self) -> list[Fault]:
        """All faults, expired ones included."""
        return [Fault(id=key, rule=rule) for key, rule in self._rules.items()]

    def pick(
        self, *, account_id: str, means: Callable[[str], bool], played: Mapping[str, int]
    ) -> Fault | None:
        """The fault to play on this request, or None.

        Args:
            account_id: the viewing account.
            means: tells whether an identifier is that of the person asked for.
            played: how often each fault was played so far.
        """
        for key, rule in self._rules.items():
            match = rule.match
            if match.account_id is not None and match.account_id != account_id:
                continue
            if match.identifier is not None and not means(match.identifier):
                continue
            if match.times is not None and played.get(key, 0) >= match.times:
                continue
            self._seen[key] += 1
            if match.every is not None and self._seen[key] % match.every:
                continue
            if match.probability is None or self._random[key].random() < match.probability:
                return Fault(id=key, rule=rule)
        return None

    def _save(self) -> None:
        stored = _Stored(next=self._next, rules=self._rules)
        documents.save(path=self._path, document=stored.model_dump(mode="json"))
