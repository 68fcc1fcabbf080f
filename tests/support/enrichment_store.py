"""Calls of the enrichment store's functions as tests write them, on the accounts of one workspace.

Real time is not waited for: `let_expire` and `lose_lease` move a deadline into the past, which is
all that the passing of time would do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson
import redis

from enrichment_service.ports import RefusedError, partition_of
from enrichment_service.store.store import Store

MINUTE_MS = 60_000
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
FRESH_MS = 30 * DAY_MS
SPREAD_MS = 7 * MINUTE_MS
"""How long after midnight accounts resume, here."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A claimed tick."""

    account: str
    token: int


@dataclass(frozen=True, kw_only=True)
class View:
    """A view that was begun."""

    reservation: str
    enrichment: str
    profile: str
    ask: str
    attempts: int
    partials: int


class Workspace:
    """A workspace in the store; accounts and enrichments are named by their short names."""

    _numbers = count()

    def __init__(self, store: Store, client: "redis.Redis", name: str = "w") -> None:
        self.store = store
        self.client = client
        self.name = name
        self.partition = partition_of(name)
        self.tag = f"{{p{self.partition:02d}}}:"

    async def call(self, function: str, **request: object) -> Any:
        """The function's answer in this workspace's partition."""
        return await self.store.call(self.partition, function, request)

    async def refusal(self, function: str, **request: object) -> str:
        """Why the function refuses; it must."""
        try:
            answer = await self.call(function, **request)
        except RefusedError as refused:
            return refused.reason
        raise AssertionError(f"{function} did not refuse: {answer}")

    def of(self, name: str) -> str:
        """The full name of an account or enrichment."""
        return f"{self.name}/{name}"

    async def connect(self, account: str = "a", *, strategy: str = "NEW", share: int = 0) -> None:
        """An account with a provider account of its own."""
        settings = {
            "provider": f"provider-{self.name}-{account}",
            "strategy": strategy,
            "campaign_share": share,
            "pacing": "BURST",
        }
        await self.call("connect_account", account=self.of(account), settings=settings)

    async def budget(self, account: str = "a") -> dict[str, Any]:
        """Today's budget."""
        answer = await self.call("get_view_budgets", accounts=[self.of(account)])
        return dict(answer[0])

    async def consume(
        self, views: int, account: str = "a", *, purpose: str = "MANUAL", **request: object
    ) -> int:
        """Views granted."""
        answer = await self.call(
            "consume_views", account=self.of(account), purpose=purpose, count=views, **request
        )
        return int(answer["granted"])

    async def reserve(
        self,
        views: int,
        account: str = "a",
        *,
        purpose: str = "CAMPAIGN_STEP",
        ttl_ms: int = HOUR_MS,
    ) -> str:
        """The reservation."""
        reservation = f"reservation{next(self._numbers)}"
        await self.call(
            "reserve_views",
            account=self.of(account),
            purpose=purpose,
            count=views,
            reservation=reservation,
            ttl_ms=ttl_ms,
        )
        return reservation

    async def settle(self, reservation: str, account: str = "a", *, used: int | None) -> int:
        """Views charged."""
        answer = await self.call(
            "settle_reservation", account=self.of(account), reservation=reservation, used=used
        )
        return int(answer["charged"])

    def let_expire(self, reservation: str, account: str = "a") -> None:
        """The reservation's time is over."""
        member = f"{self.of(account)}|{reservation}"
        assert self.client.zadd(self.tag + "permits", {member: 1}, xx=True, ch=True) == 1

    def lose_lease(self, account: str = "a") -> None:
        """The worker has been silent for too long."""
        member = self.of(account)
        assert self.client.zadd(self.tag + "leases", {member: 1}, xx=True, ch=True) == 1

    async def create(
        self, enrichment: str = "e", account: str = "a", *, max_age_ms: int = FRESH_MS
    ) -> None:
        """An empty enrichment."""
        await self.call(
            "create_enrichment",
            enrichment=self.of(enrichment),
            account=self.of(account),
            display_name="",
            max_age_ms=max_age_ms,
        )

    async def submit(self, enrichment: str, people: Sequence[str | Sequence[str]]) -> list[Any]:
        """What became of the submissions; a person is one id or several, the first is asked for."""
        profiles = []
        for person in people:
            ids = [person] if isinstance(person, str) else list(person)
            profiles.append(
                {
                    "ids": ids,
                    "ask": ids[0],
                    "reference": f"ref-{ids[0]}",
                    "fresh_id": f"fresh{next(self._numbers):08d}",
                }
            )
        answer = await self.call(
            "submit_profiles", enrichment=self.of(enrichment), profiles=profiles
        )
        return list(answer)

    async def progress(self, enrichment: str = "e") -> dict[str, int]:
        """Counts that are not zero."""
        answer = await self.call("get_enrichment", enrichment=self.of(enrichment))
        return {name: number for name, number in answer["progress"].items() if number}

    async def account(self, account: str = "a") -> dict[str, Any]:
        """The account's fields."""
        answer = await self.call("get_account", account=self.of(account))
        return dict(answer["settings"])

    async def look(self) -> dict[str, Any]:
        """claim_tick without claiming."""
        return dict(await self.call("claim_tick", lease_ms=HOUR_MS, but_not=True))

    async def claim(self) -> Lease | None:
        """A lease of an hour on the next due account."""
        claimed = (await self.call("claim_tick", lease_ms=HOUR_MS)).get("claimed")
        return claimed and Lease(account=claimed["account"], token=claimed["token"])

    async def begin(self, lease: Lease, *, reservation: str = "") -> View | str:
        """The next view, or why there is none."""
        reservation = reservation or f"permit{next(self._numbers)}"
        answer = await self.call(
            "begin_view",
            account=lease.account,
            token=lease.token,
            reservation=reservation,
            permit_ms=HOUR_MS,
            deadline_ms=10_000,
            spread_ms=SPREAD_MS,
        )
        if "view" not in answer:
            return str(answer.get("stop", "AGAIN"))
        view = answer["view"]
        return View(
            reservation=reservation,
            **{
                name: view[name]
                for name in ("enrichment", "profile", "ask", "attempts", "partials")
            },
        )

    async def view(self, lease: Lease) -> View:
        """The next view; there must be one."""
        view = await self.begin(lease)
        assert isinstance(view, View), view
        return view

    async def finish(
        self,
        lease: Lease,
        view: View,
        *,
        outcome: str = "ENRICHED",
        person: dict[str, Any] | None = None,
        charged: bool = True,
        error: bool = False,
        **request: object,
    ) -> dict[str, Any]:
        """Writes down a view; an enriched person is whoever `person_of` says by default."""
        if outcome == "ENRICHED" and person is None:
            person = person_of(view.ask)
        if person is not None:
            person = person | {"ask": view.ask, "ids": sorted({view.ask, *person["ids"]})}
        answer = await self.call(
            "finish_view",
            account=lease.account,
            token=lease.token,
            enrichment=view.enrichment,
            profile=view.profile,
            reservation=view.reservation,
            charged=charged,
            counts_as_error=error,
            outcome=outcome,
            person=person,
            spread_ms=SPREAD_MS,
            **request,
        )
        return dict(answer)

    async def end(self, lease: Lease, **request: object) -> None:
        """Gives the account back."""
        await self.call("end_tick", account=lease.account, token=lease.token, **request)

    async def tick(self) -> list[str]:
        """A whole tick in which everybody is found; whom it asked for, in order."""
        lease = await self.claim()
        asked: list[str] = []
        if lease is None:
            return asked
        while isinstance(view := await self.begin(lease), View):
            asked.append(view.ask)
            await self.finish(lease, view)
        await self.end(lease)
        return asked

    async def profile(self, profile: str, account: str = "a") -> dict[str, Any]:
        """A person in the cache as one account may see them; JSON decoded."""
        answer = await self.call(
            "get_profiles", workspace=self.name, profiles=[profile], account=self.of(account)
        )
        record = dict(answer[0])
        return {
            name: orjson.loads(value) if name in ("data", "viewer") else value
            for name, value in record.items()
            if name != "now"
        }

    async def events(self) -> list[dict[str, Any]]:
        """Everything in the log."""
        answer = await self.call("read_events", after="0-0", limit=1000, join=False)
        return [orjson.loads(event[1]) for event in answer["events"]]


def person_of(
    vanity: str, *, provider_id: str = "", degree: str = "SECOND", **data: str
) -> dict[str, Any]:
    """What a view of somebody brings; the provider id is made of the vanity."""
    provider_id = provider_id or (vanity if vanity.startswith("ACo") else f"ACo-{vanity}")
    ids = {provider_id} | (set() if vanity.startswith("ACo") else {vanity})
    return {
        "data": {"provider_id": provider_id, "first_name": "Ada", **data},
        "ids": sorted(ids),
        "vanity": "" if vanity.startswith("ACo") else vanity,
        "provider_id": provider_id,
        "viewer": {"degree": degree},
        "new_profile": f"new{next(Workspace._numbers):010d}",
    }
