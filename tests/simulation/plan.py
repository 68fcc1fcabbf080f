"""What happens in a simulation, drawn from its seed: data only, so that a seed can be run again."""

from dataclasses import dataclass, field
from random import Random

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
WEEKS = 8
STRATEGIES = ("NEW", "ESTABLISHED", "VETERAN", "RECOVERY")
WORKSPACES = ("acme", "bolt", "cato")


@dataclass(frozen=True, kw_only=True)
class PlannedAccount:
    """A connected account; `hours` are (first minute, last minute) in Berlin if it is SPREAD."""

    workspace: str
    name: str
    strategy: str
    ramp_age_days: int = 0
    share: int = 0
    hours: tuple[int, int] | None = None

    @property
    def id(self) -> str:
        """`<workspace>/<name>`."""
        return f"{self.workspace}/{self.name}"

    @property
    def provider(self) -> str:
        """Its id at the provider."""
        return f"{self.workspace}-{self.name}"


@dataclass(frozen=True, kw_only=True)
class PlannedEnrichment:
    """An enrichment; whoever is in it is in no other pool than that of its `max_age_days`."""

    name: str
    account: PlannedAccount
    max_age_days: int = 30

    @property
    def id(self) -> str:
        """`<workspace>/<name>`."""
        return f"{self.account.workspace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Deed:
    """Something that a caller, a person or bad luck does.

    Attributes:
        at_ms: when, after the start; a deed `amid` work waits up to an hour for the next tick.
        what: the name of the method that does it.
        about: its arguments.
    """

    at_ms: int
    what: str
    about: tuple[object, ...] = ()
    amid: bool = False


@dataclass(kw_only=True)
class Plan:
    """A whole simulation."""

    seed: int
    faulty: bool
    private_share: float = 0.0
    accounts: list[PlannedAccount] = field(default_factory=list)
    enrichments: list[PlannedEnrichment] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)

    def add(self, at_ms: int, what: str, *about: object, amid: bool = False) -> None:
        """One deed more."""
        self.deeds.append(Deed(at_ms=at_ms, what=what, about=about, amid=amid))

    def in_order(self) -> list[Deed]:
        """All deeds by time; those of one moment as they were planned."""
        return sorted(self.deeds, key=lambda deed: deed.at_ms)


def foretold_plan(seed: int, *, faulty: bool) -> Plan:
    """All is submitted at the start, and campaigns keep to the share that is kept for them.

    Without faults the forecast must be exact, and the books equal to what LinkedIn saw.
    """
    random = Random(seed)
    plan = Plan(seed=seed, faulty=faulty)
    plan.accounts = _accounts(random)
    for account in plan.accounts:
        for number in range(random.randint(1, 3)):
            enrichment = PlannedEnrichment(name=f"{account.name}-{number}", account=account)
            plan.enrichments.append(enrichment)
            size = random.randint(1, _MOST[account.strategy])
            people = tuple(f"{enrichment.name}-{n:03d}" for n in range(size))
            plan.add(0, "submit", enrichment, people)
        for day in range(20) if account.share else ():
            left = account.share
            while left and random.random() < 0.5:
                count = random.randint(1, left)
                left -= count
                at = day * DAY_MS + random.randrange(10 * HOUR_MS)
                plan.add(at, random.choice(("consume", "reserve_all")), account, count, amid=True)
    plan.add(0, "foretell", "the start")
    if faulty:
        _go_wrong(plan, random, days=14)
    else:
        for week in range(1, WEEKS):
            plan.add(week * 7 * DAY_MS + HOUR_MS, "foretell", f"week {week}")
    plan.add(WEEKS * 7 * DAY_MS, "look")
    return plan


def rough_plan(
    seed: int, *, weeks: int = WEEKS, size: int = 25, kills: int = 8, losses: int = 16
) -> Plan:
    """Everything at once: callers who meddle, a provider that misbehaves, processes that die."""
    random = Random(seed)
    plan = Plan(seed=seed, faulty=True, private_share=0.01)
    plan.accounts = _accounts(random)
    end = weeks * 7 * DAY_MS
    for account in plan.accounts:
        for number in range(2):
            age = random.choice((30, 30, 30, 5))
            enrichment = PlannedEnrichment(
                name=f"{account.name}-{number}", account=account, max_age_days=age
            )
            plan.enrichments.append(enrichment)
            _meddle(plan, random, enrichment, size=size, until=end * 3 // 4)
        for _ in range(3 * weeks):
            what = random.choice(("consume", "reserve"))
            plan.add(random.randrange(end), what, account, random.randint(1, 8), amid=True)
    plan.add(random.randrange(end), "change_strategy", random.choice(plan.accounts))
    _go_wrong(plan, random, days=weeks * 7, kills=kills, losses=losses)
    plan.add(end, "look")
    return plan


def _go_wrong(plan: Plan, random: Random, *, days: int, kills: int = 8, losses: int = 16) -> None:
    """The provider's weather, accounts that lose their connection, and processes that die."""
    end = days * DAY_MS
    for account in plan.accounts:
        if random.random() < 0.7:
            plan.add(random.randrange(end), "misfortune", account, random.choice(_MISFORTUNES))
    for day in range(days):
        plan.add(day * DAY_MS + 23 * HOUR_MS, "see_to_accounts")
    for week in range(days // 7):
        weather = tuple(random.sample(range(len(WEATHER)), k=4))
        plan.add(week * 7 * DAY_MS, "weather", weather, random.randrange(1 << 30))
    for what, number in (("lose_connection", losses), ("kill_worker", kills)):
        for _ in range(number):
            call, answered = random.choice(_CALLS), random.random() < 0.5
            about = (random.random(), random.randint(1, 30), call, answered)
            plan.add(random.randrange(end), what, *about)
    for _ in range(max(1, kills // 4)):
        plan.add(random.randrange(end), "restart_store", random.random(), random.randint(1, 40))


# Functions of the store amid which connections are lost and workers die.
_CALLS = ("", "claim_tick", "begin_view", "begin_view", "finish_view", "finish_view", "end_tick")
# People that an enrichment has at most, so that eight weeks are enough for three of them.
_MOST = {"NEW": 130, "ESTABLISHED": 150, "VETERAN": 160, "RECOVERY": 80}
_MISFORTUNES = ("CREDENTIALS", "ERROR", "STOPPED", "account_restricted", "feature_not_subscribed")

WEATHER: tuple[dict[str, object], ...] = (
    {"action": "error", "type": "unexpected_error", "share": 0.04},
    {"action": "error", "type": "unexpected_error", "share": 0.25},
    {"action": "error", "type": "too_many_requests", "retry_after": "900", "share": 0.01},
    {"action": "error", "type": "too_many_requests", "share": 0.01},
    {"action": "error", "type": "limit_exceeded", "share": 0.005},
    {"action": "error", "type": "resource_not_found", "share": 0.02},
    {"action": "error", "type": "resource_access_restricted", "share": 0.02},
    {"action": "error", "type": "request_timeout", "share": 0.03},
    {"action": "throttle", "share": 0.05},
    {"action": "another_member", "share": 0.04},
    {"action": "not_a_profile", "share": 0.02},
    {"action": "null_names", "share": 0.03},
    {"action": "bad_gateway_html", "share": 0.03},
    {"action": "broken_json", "share": 0.03},
    {"action": "redirect", "share": 0.02},
    {"action": "reset", "share": 0.03},
    {"action": "hang", "share": 0.01},
    {"action": "drip", "interval_ms": 100, "share": 0.01},
)
"""What the provider may do to a share of all views for a week."""


def _accounts(random: Random) -> list[PlannedAccount]:
    """Two accounts a workspace; every strategy, both pacings, some with a share for campaigns."""
    strategies = [*STRATEGIES, random.choice(STRATEGIES), random.choice(STRATEGIES)]
    random.shuffle(strategies)
    spread = random.randrange(6)
    return [
        PlannedAccount(
            workspace=WORKSPACES[number % 3],
            name=f"a{number}",
            strategy=strategy,
            ramp_age_days=random.choice((0, 0, 3, 7, 20)),
            share=random.choice((0, 0, 2, 4)),
            # Two hours a day, so that a spread day has 40 ticks.
            hours=(600, 720) if number == spread else None,
        )
        for number, strategy in enumerate(strategies)
    ]


def _meddle(
    plan: Plan, random: Random, enrichment: PlannedEnrichment, *, size: int, until: int
) -> None:
    """Submissions over the weeks, some of them withdrawn; pauses; now and then a cancellation."""
    # People are shared by the enrichments of a workspace that ask for the same freshness.
    pool = [f"age{enrichment.max_age_days}-{n:03d}" for n in range(6 * size)]
    random.shuffle(pool)
    for _ in range(3):
        batch, pool = tuple(pool[:size]), pool[size:]
        at = random.randrange(until)
        plan.add(at, "submit", enrichment, batch, amid=True)
        if random.random() < 0.5:
            plan.add(at + random.randrange(2 * DAY_MS), "withdraw", enrichment, batch[:8])
        elif random.random() < 0.5:
            plan.add(at + random.randrange(2 * DAY_MS), "submit", enrichment, batch[:8])
    if random.random() < 0.5:
        at = random.randrange(until - 4 * DAY_MS) if until > 4 * DAY_MS else 0
        plan.add(at, "pause", enrichment, amid=True)
        plan.add(at + random.randrange(1, 4 * DAY_MS), "resume", enrichment)
    if random.random() < 0.15:
        plan.add(random.randrange(until), "cancel", enrichment, amid=True)
