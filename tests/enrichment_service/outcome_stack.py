"""The engine, the real store and the real simulator together, on a clock that only tests move."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import orjson

from enrichment_service.accounts import Accounts, AccountSettings
from enrichment_service.enrichments import Enrichments, Submission
from enrichment_service.model import Account, PauseReason, Progress, Strategy, ViewBudget
from enrichment_service.person_keys import PersonKeys
from enrichment_service.ports import ProfileSource, partition_of
from enrichment_service.provider import ConnectedAccountProvider
from enrichment_service.store.store import Store
from enrichment_service.ticks import HALT_SECONDS, TickEngine
from enrichment_service.view_budgets import ViewBudgets
from servicekit.clock import SteppedClock
from tests.support.simulator_client import SimulatorClient
from tests.support.simulator_process import KEY

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WORKSPACE = "acme"
ENRICHMENT = f"{WORKSPACE}/leads"
PERSON_KEYS = PersonKeys(b"a secret of the tests")
_PATIENCE_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class HandClock:
    """The stepped clock for an engine that must not move it, so that a test sees every pause."""

    stepped: SteppedClock

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return self.stepped.now_ms()

    def store_now(self) -> str:
        """The same for the store's scripts."""
        return self.stepped.store_now()


async def until(condition: Callable[[], Coroutine[Any, Any, bool]], what: str) -> None:
    """Wait until the condition holds; `what` says what did not come about."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                if await condition():
                    return
                await asyncio.sleep(0.003)
    except TimeoutError:
        raise AssertionError(f"in {_PATIENCE_SECONDS} s not: {what}") from None


class OutcomeStack:
    """One account with one enrichment, and all that can be seen of them afterwards."""

    def __init__(
        self,
        *,
        store: Store,
        clock: SteppedClock,
        engine: TickEngine,
        sim: SimulatorClient,
        provider_id: str,
    ) -> None:
        self.store = store
        self.clock = clock
        self.engine = engine
        self.sim = sim
        self.provider_id = provider_id
        self.id = f"{WORKSPACE}/{provider_id}"
        self.accounts = Accounts(store)
        self.enrichments = Enrichments(store, keys=PERSON_KEYS)
        self._partition = partition_of(WORKSPACE)

    async def connect(self, provider_id: str | None = None) -> str:
        """Connect an account, as old as to have 100 views a day; its id."""
        provider_id = provider_id or self.provider_id
        account = f"{WORKSPACE}/{provider_id}"
        await self.accounts.connect(
            account,
            provider_account_id=provider_id,
            settings=AccountSettings(
                strategy=Strategy.VETERAN, ramp_start_day=self.clock.now_ms() // DAY - 70
            ),
            request_id=None,
            body="",
        )
        return account

    async def create(self, enrichment: str = ENRICHMENT, *, account: str | None = None) -> None:
        """An empty enrichment on the account."""
        await self.enrichments.create(
            enrichment,
            account=account or self.id,
            display_name="",
            max_age_ms=None,
            request_id=None,
            body="",
        )

    async def submit(self, *people: str, enrichment: str = ENRICHMENT) -> list[str]:
        """Add people; their profile ids."""
        submitted = await self.enrichments.submit(
            enrichment, [Submission(identifiers=(person,), reference=person) for person in people]
        )
        self.engine.wake()
        return [each.profile for each in submitted]

    async def quiet(self) -> None:
        """Wait until the engine has done all that is due by now."""

        async def is_quiet() -> bool:
            look = await self.store.call(
                self._partition, "claim_tick", {"lease_ms": 1, "but_not": True}
            )
            return not look["open"] and int(look.get("due", look["now"] + 1)) > int(look["now"])

        await until(is_quiet, "all that is due was worked")

    async def advance(self, ms: int) -> None:
        """Move the clock forward and wait until the engine has done what came due."""
        self.clock.advance_by(ms)
        self.engine.wake()
        await self.quiet()

    async def fault(self, action: str, **fields: object) -> str:
        """What the simulator does to views of this account from now on."""
        return await self.sim.fault(account=self.provider_id, action=action, **fields)

    async def lift_faults(self) -> None:
        """The simulator answers well again."""
        await self.sim.call("DELETE", "/_sim/faults")

    async def account(self) -> Account:
        """The account now."""
        return await self.accounts.get(self.id)

    async def budget(self) -> ViewBudget:
        """Its budget today."""
        (budget,) = await ViewBudgets(self.store).get(WORKSPACE, [self.id])
        return budget

    async def progress(self) -> Progress:
        """How far the enrichment is."""
        return (await self.enrichments.get(ENRICHMENT)).progress

    async def due_ms(self) -> int | None:
        """When the account is looked at again, from now on; None when it is not."""
        answer = await self.store.call(
            self._partition, "get_enrichment", {"enrichment": ENRICHMENT}
        )
        return int(answer["due"]) - self.clock.now_ms() if "due" in answer else None

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """The log, or the events of these types in it."""
        answer = await self.store.call(
            self._partition, "read_events", {"after": "0-0", "limit": 1000}
        )
        events = [orjson.loads(event[1]) for event in answer["events"] or ()]
        return [event for event in events if not types or event["t"] in types]

    async def cached(self, profiles: Sequence[str]) -> list[dict[str, Any]]:
        """What the cache knows of people; `viewed` is there when they were seen completely."""
        records = await self.enrichments.get_profiles(WORKSPACE, profiles, account=self.id)
        return [
            {**orjson.loads(record["data"]), "viewed": "viewed" in record}
            if "data" in record
            else {}
            for record in records
        ]

    async def requests(self, account: str | None = None) -> list[dict[str, Any]]:
        """What the simulator was asked with the account."""
        return await self.sim.views(account or self.provider_id)

    async def check_books(self, *, charged: int) -> None:
        """The views charged today are `charged`, nothing is held, and LinkedIn counted as many.

        For tests within one day.
        """
        budget = await self.budget()
        counted = sum(request["counted"] for request in await self.requests())
        assert (budget.committed, budget.reserved, counted) == (charged, 0, charged)

    async def check_pause(self, reason: PauseReason | None, *, for_ms: int | None = None) -> None:
        """The account pauses since now for that reason and time (None: until a person acts)."""
        pause = (await self.account()).pause
        if reason is None:
            assert pause is None
            return
        assert pause is not None
        assert pause.reason is reason
        left = None if pause.until_ms is None else pause.until_ms - self.clock.now_ms()
        assert left == for_ms

    async def check_pause_reason(self, reason: PauseReason) -> None:
        """The account waits for a person, for that reason."""
        pause = (await self.account()).pause
        assert pause is not None
        assert (pause.reason, pause.until_ms) == (reason, None)


@asynccontextmanager
async def working(
    *,
    store: Store,
    clock: SteppedClock,
    sim: SimulatorClient,
    provider_id: str,
    deadline_seconds: float = 5.0,
    url: str | None = None,
    halt_seconds: float = HALT_SECONDS,
    wrap: Callable[[ProfileSource], ProfileSource] = lambda source: source,
) -> AsyncIterator[OutcomeStack]:
    """The stack with its engine at work, one account connected and an empty enrichment on it.

    `wrap` puts something between the engine and the provider.
    """
    hand = HandClock(stepped=clock)
    provider = ConnectedAccountProvider(
        url=url or sim.url, api_key=KEY, connections=8, now_ms=hand.now_ms
    )
    engine = TickEngine(
        store=store,
        source=wrap(provider),
        keys=PERSON_KEYS,
        clock=hand,
        gaps=repeat(0.0),
        deadline_seconds=deadline_seconds,
        accounts_side_by_side=8,
        halt_seconds=halt_seconds,
    )
    stack = OutcomeStack(store=store, clock=clock, engine=engine, sim=sim, provider_id=provider_id)
    await stack.connect()
    await stack.create()
    engine.start()
    try:
        yield stack
    finally:
        await engine.drain()
        await engine.close()
        await provider.close()
