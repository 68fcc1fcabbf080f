"""What a million queued profiles on one account, and 100,000 accounts with work, cost the store.

    python -m benchmarks.scale [--profiles 1000000] [--accounts 100000]

Loads a store in stages and prints one line of JSON a stage: bytes a queued profile or account, and
the store's processor time for claiming a tick, for a view (asking for it and writing it down) and
for ending a tick. The times must not grow from stage to stage. Takes some minutes.
"""

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
import uvloop

from benchmarks.store_process import store_process
from enrichment_service.enrichments import Enrichments, Submission
from enrichment_service.person_keys import PersonKeys
from enrichment_service.ports import PARTITIONS, partition_of
from enrichment_service.store.partitions import Marker
from enrichment_service.store.store import Store
from servicekit.clock import SystemClock
from servicekit.names import random_id

_BIG = "big/account"
_SUBMIT = 500
_AT_ONCE = 32
_SAMPLE = 400
_ACCOUNTS_A_WORKSPACE = 20
# Twice within one tick of 15 (seed).
_BIG_VIEWS = 7
_RAMPED_DAYS = 60
_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A claimed tick."""

    account: str
    token: int


class Load:
    """A store under load, and what that costs it."""

    def __init__(self, store: Store, client: "redis.Redis") -> None:
        self.store = store
        self._client = client
        self.keys = PersonKeys(b"benchmark")
        self._enrichments = Enrichments(store, keys=self.keys)
        self._people = iter(range(1 << 62))

    def memory(self) -> int:
        """Bytes that the data take."""
        return int(self._client.info("memory")["used_memory_dataset"])

    async def cost_us(self, calls: Iterable[Awaitable[int]]) -> float:
        """The store's processor time a unit of work; each call says how many units it was."""
        before, units = self._cpu_us(), 0
        for call in calls:
            units += await call
        return round((self._cpu_us() - before) / units, 1)

    async def account(self, account: str, *, profiles: int) -> None:
        """An account with one enrichment and people in its queue."""
        today = SystemClock().now_ms() // _DAY_MS
        settings = {
            "provider": f"provider-{account}",
            "display_name": "",
            "strategy": "VETERAN",
            "campaign_share": 0,
            "pacing": "BURST",
        }
        await self._call(
            "connect_account",
            account=account,
            settings=settings,
            ramp_start=today - _RAMPED_DAYS,
        )
        await self._enrichments.create(
            account,
            account=account,
            display_name="",
            max_age_ms=None,
            request_id=None,
            body="",
        )
        await side_by_side(
            self._submit(account, min(_SUBMIT, profiles - done))
            for done in range(0, profiles, _SUBMIT)
        )

    async def claim(self, partition: int, leases: list[Lease]) -> int:
        """One tick of whichever account is due first."""
        answer = await self.store.call(partition, "claim_tick", {"lease_ms": _HOUR_MS})
        claimed = answer.get("claimed")
        if claimed is None:
            return 0
        leases.append(Lease(account=claimed["account"], token=claimed["token"]))
        return 1

    async def view(self, lease: Lease) -> int:
        """One view that finds somebody."""
        reservation = random_id(16)
        tick = {"account": lease.account, "token": lease.token, "spread_ms": 0}
        begun = await self._call(
            "begin_view",
            **tick,
            reservation=reservation,
            permit_ms=_HOUR_MS,
            deadline_ms=20_000,
        )
        if "view" not in begun:
            raise RuntimeError(f"no view was given: {begun}")
        view = begun["view"]
        await self._call(
            "finish_view",
            **tick,
            enrichment=view["enrichment"],
            profile=view["profile"],
            reservation=reservation,
            charged=True,
            counts_as_error=False,
            outcome="ENRICHED",
            person=_person(view["ask"]),
        )
        return 1

    async def end(self, lease: Lease) -> int:
        """The end of a tick."""
        await self._call("end_tick", account=lease.account, token=lease.token, spread_ms=0)
        return 1

    async def _submit(self, enrichment: str, count: int) -> None:
        people = [
            Submission(identifiers=(f"ada-lovelace-{number:08d}",), reference=f"row-{number}")
            for number in (next(self._people) for _ in range(count))
        ]
        await self._enrichments.submit(enrichment, people)

    async def _call(self, function: str, **request: Any) -> Any:
        partition = partition_of(request["account"].partition("/")[0])
        return await self.store.call(partition, function, request)

    def _cpu_us(self) -> float:
        cpu = self._client.info("cpu")
        seconds = cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"]
        return float(seconds) * 1_000_000


async def side_by_side(calls: Iterable[Awaitable[None]]) -> None:
    """A few at a time; the first failure ends all."""
    waiting = iter(calls)

    async def work() -> None:
        for call in waiting:
            await call

    async with asyncio.TaskGroup() as tasks:
        for _ in range(_AT_ONCE):
            tasks.create_task(work())


def _person(vanity: str) -> dict[str, object]:
    provider_id = f"ACoAA{vanity[-8:]:0>34}"
    return {
        "data": {
            "provider_id": provider_id,
            "public_identifier": vanity,
            "first_name": "Ada",
            "last_name": "Lovelace",
            "headline": "Analyst of engines",
            "company": "Analytical Engines",
            "title": "CTO",
            "location": "London",
        },
        "ids": sorted([provider_id, vanity]),
        "vanity": vanity,
        "provider_id": provider_id,
        "viewer": {"degree": "SECOND", "shared": 3},
        "new_profile": random_id(13),
        "ask": vanity,
    }


async def _measure_ticks(load: Load, *, views: int) -> dict[str, float]:
    """A sample of the accounts that are due, whichever they are."""
    leases: list[Lease] = []
    claim = await load.cost_us(load.claim(n % PARTITIONS, leases) for n in range(_SAMPLE))
    leases = [lease for lease in leases if lease.account != _BIG]
    view = await load.cost_us(load.view(lease) for _ in range(views) for lease in leases)
    end = await load.cost_us(load.end(lease) for lease in leases)
    return {"claim_us": claim, "view_us": view, "end_us": end}


async def _run(url: str, folder: Path, *, profiles: int, accounts: int) -> None:
    async with opened(url, folder) as load:
        await side_by_side(
            load.account(f"few{number}/account", profiles=4) for number in range(_SAMPLE)
        )
        _print({"stage": f"{_SAMPLE} accounts", **await _measure_ticks(load, views=3)})

        before = load.memory()
        await load.account(_BIG, profiles=profiles)
        taken = load.memory() - before
        big: list[Lease] = []
        while not any(lease.account == _BIG for lease in big):
            await load.claim(partition_of("big"), big)
        lease = next(lease for lease in big if lease.account == _BIG)
        view = await load.cost_us(load.view(lease) for _ in range(_BIG_VIEWS))
        _print(
            {
                "stage": f"and {profiles} queued profiles on one account",
                "bytes_a_queued_profile": round(taken / profiles),
                "view_of_big_account_us": view,
            }
        )

        before = load.memory()
        await side_by_side(
            load.account(f"w{n // _ACCOUNTS_A_WORKSPACE}/account{n}", profiles=1)
            for n in range(accounts)
        )
        taken = load.memory() - before
        view = await load.cost_us(load.view(lease) for _ in range(_BIG_VIEWS))
        _print(
            {
                "stage": f"and {accounts} accounts with work in "
                f"{accounts // _ACCOUNTS_A_WORKSPACE} workspaces",
                "bytes_an_account_with_one_profile": round(taken / accounts),
                "view_of_big_account_us": view,
                **await _measure_ticks(load, views=1),
            }
        )


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[Load]:
    """Of an empty store at `url`; its marker is kept in the folder."""
    store = Store(url=url, clock=SystemClock(), marker=Marker(folder / "marker"))
    try:
        await store.open()
        with redis.Redis.from_url(url) as client:
            yield Load(store, client)
    finally:
        await store.close()


def _print(figures: dict[str, object]) -> None:
    print(json.dumps(figures), flush=True)


def main() -> None:
    """Load and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=100_000)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name, store_process(Path(name)) as url:
        os.sched_setaffinity(0, {cores[0]})
        uvloop.run(_run(url, Path(name), profiles=options.profiles, accounts=options.accounts))


if __name__ == "__main__":
    main()
