"""What callers, people and bad luck do in a simulation; the plan names these methods."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import grpc
from enrichment.v1 import accounts_pb2 as accounts_pb
from enrichment.v1 import enrichments_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from clients.errors import RpcFailed
from tests.simulation.campaigns import Campaigns, name_of
from tests.simulation.history import Foretold
from tests.simulation.plan import WEATHER, PlannedAccount, PlannedEnrichment
from tests.simulation.world import World


def enrichment_name(enrichment: PlannedEnrichment) -> str:
    """Its resource name."""
    return f"workspaces/{enrichment.account.workspace}/enrichments/{enrichment.name}"


class Deeds(Campaigns):
    """Does them, over gRPC where a caller would."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._world = world
        self._history = world.history
        self._client = world.client
        self._people: dict[str, tuple[str, ...]] = {}

    async def prepare(self) -> None:
        """Connects the accounts and creates the enrichments."""
        for account in self._world.plan.accounts:
            ramp_start = self._world.day - account.ramp_age_days
            hours = None
            if account.hours:
                first, last = account.hours
                hours = accounts_pb.WorkingHours(
                    time_zone="Europe/Berlin", start_minute=first, end_minute=last
                )
            await self._client.accounts.ConnectAccount(
                accounts_pb.ConnectAccountRequest(
                    parent=f"workspaces/{account.workspace}",
                    account_id=account.name,
                    account=accounts_pb.Account(
                        provider_account_id=account.provider,
                        strategy=accounts_pb.AccountStrategy.Value(
                            f"ACCOUNT_STRATEGY_{account.strategy}"
                        ),
                        ramp_start_date=_date(ramp_start),
                        campaign_share=account.share,
                        pacing=accounts_pb.PACING_SPREAD if hours else accounts_pb.PACING_BURST,
                        working_hours=hours,
                    ),
                )
            )
            self._history.strategies[account.id].append((0, account.strategy, ramp_start))
        for enrichment in self._world.plan.enrichments:
            await self._client.enrichments.CreateEnrichment(
                pb.CreateEnrichmentRequest(
                    parent=f"workspaces/{enrichment.account.workspace}",
                    enrichment_id=enrichment.name,
                    enrichment=pb.Enrichment(
                        account=name_of(enrichment.account),
                        max_age=Duration(seconds=enrichment.max_age_days * 86_400),
                    ),
                )
            )

    async def submit(self, enrichment: PlannedEnrichment, people: Sequence[str]) -> None:
        """Submits people, each under one of the ids that the person goes by."""
        submissions = []
        for person in people:
            ids = await self._ids_of(f"{enrichment.account.workspace}-{person}")
            # Always the same one for an enrichment, whichever it is.
            asked = ids[hash_of(enrichment.id + person) % len(ids)]
            self._history.asked[asked] = person
            submissions.append(pb.ProfileSubmission(identifiers=[asked], reference=person))
        try:
            for first in range(0, len(submissions), 500):
                answer = await self._client.enrichments.SubmitProfiles(
                    pb.SubmitProfilesRequest(
                        name=enrichment_name(enrichment), profiles=submissions[first : first + 500]
                    )
                )
                for each in answer.profiles:
                    self._history.submitted[enrichment.id][each.reference] = each.profile
        except RpcFailed as failed:
            if failed.reason != "ENRICHMENT_CANCELLED" or not self._is_cancelled(enrichment):
                raise

    async def withdraw(self, enrichment: PlannedEnrichment, people: Sequence[str]) -> None:
        """Withdraws those that were submitted."""
        known = self._history.submitted[enrichment.id]
        profiles = [known[person] for person in people if person in known]
        if profiles:
            await self._client.enrichments.WithdrawProfiles(
                pb.WithdrawProfilesRequest(name=enrichment_name(enrichment), profiles=profiles)
            )

    async def pause(self, enrichment: PlannedEnrichment) -> None:
        """Pauses it, unless it was cancelled."""
        await self._unless_cancelled(
            enrichment,
            self._client.enrichments.PauseEnrichment(
                pb.PauseEnrichmentRequest(name=enrichment_name(enrichment))
            ),
        )

    async def resume(self, enrichment: PlannedEnrichment) -> None:
        """Resumes it, unless it was cancelled."""
        await self._unless_cancelled(
            enrichment,
            self._client.enrichments.ResumeEnrichment(
                pb.ResumeEnrichmentRequest(name=enrichment_name(enrichment))
            ),
        )

    async def cancel(self, enrichment: PlannedEnrichment) -> None:
        """Cancels it."""
        self._history.cancelled.add(enrichment.id)
        await self._client.enrichments.CancelEnrichment(
            pb.CancelEnrichmentRequest(name=enrichment_name(enrichment))
        )

    async def change_strategy(self, account: PlannedAccount) -> None:
        """Another strategy; its ramp begins today."""
        strategy = "RECOVERY" if account.strategy != "RECOVERY" else "NEW"
        self._history.strategies[account.id].append((self._world.now_ms, strategy, self._world.day))
        await self._repeat(
            lambda: self._client.accounts.UpdateAccount(
                accounts_pb.UpdateAccountRequest(
                    account=accounts_pb.Account(
                        name=name_of(account),
                        strategy=accounts_pb.AccountStrategy.Value(f"ACCOUNT_STRATEGY_{strategy}"),
                    ),
                    update_mask=FieldMask(paths=["strategy"]),
                )
            )
        )

    async def foretell(self, when: str) -> None:
        """Writes down what is foretold of every enrichment with work left."""
        for enrichment in self._world.plan.enrichments:
            answer = await self._client.enrichments.GetEnrichment(
                pb.GetEnrichmentRequest(name=enrichment_name(enrichment))
            )
            if answer.enrichment.HasField("forecast"):
                forecast = answer.enrichment.forecast
                self._history.foretold.append(
                    Foretold(
                        when=when,
                        enrichment=enrichment.id,
                        asked_ms=self._world.now_ms,
                        earliest=forecast.earliest_complete_date,
                        latest=forecast.latest_complete_date,
                    )
                )

    async def look(self) -> None:
        """Nothing; the clock gets here."""

    async def misfortune(self, account: PlannedAccount, what: str) -> None:
        """The account loses its connection, or worse."""
        state = {"status": what} if what.isupper() else {"error": what}
        await self._world.sim.call(
            "POST", "/_sim/accounts", json=[{"id": account.provider, **state}]
        )

    async def see_to_accounts(self) -> None:
        """A person connects anew whatever waits for one."""
        for account in self._world.plan.accounts:
            request = accounts_pb.GetAccountRequest(name=name_of(account))
            shown = (await self._client.accounts.GetAccount(request)).account
            if shown.HasField("pause") and shown.pause.waits_for_person:
                await self._world.sim.call(
                    "POST", "/_sim/accounts", json=[{"id": account.provider}]
                )
                await self._client.accounts.ReconnectAccount(
                    accounts_pb.ReconnectAccountRequest(name=name_of(account))
                )

    async def weather(self, kinds: Sequence[int], seed: int) -> None:
        """What goes wrong at the provider from now on."""
        await self._world.sim.call("DELETE", "/_sim/faults")
        for kind in kinds:
            rule = dict(WEATHER[kind])
            match = {"probability": rule.pop("share"), "seed": seed + kind}
            answer = await self._world.sim.call(
                "POST", "/_sim/faults", json={**rule, "match": match}
            )
            assert answer.status == 200, answer.json

    async def lose_connection(self, which: float, requests: int, call: str, answered: bool) -> None:
        """A request, or only its answer, is lost between somebody and the store."""
        links = [self._world.front, *(worker.link for worker in self._world.workers)]
        link = links[int(which * len(links))]
        call = "" if link is self._world.front else call
        link.break_after(requests, call=call, answered=answered, then=self._world.count_fault)

    async def kill_worker(self, which: float, requests: int, call: str, answered: bool) -> None:
        """A worker dies amid one of its calls of the store."""
        worker = self._world.workers[int(which * len(self._world.workers))]
        worker.link.break_after(
            requests,
            call=call,
            answered=answered,
            then=lambda: self._world.do(self._world.kill(worker), aside=True),
        )

    async def restart_store(self, which: float, requests: int) -> None:
        """The store dies amid a worker's calls."""
        worker = self._world.workers[int(which * len(self._world.workers))]
        worker.link.break_after(
            requests,
            answered=False,
            then=lambda: self._world.do(self._world.restart_store(), aside=True),
        )

    async def _ids_of(self, vanity: str) -> tuple[str, ...]:
        if vanity not in self._people:
            answer = await self._world.sim.call("GET", f"/_sim/people/{vanity}")
            # A view shows vanity and provider id; the Sales Navigator id nobody can join to them.
            names = answer.json
            self._people[vanity] = (names["vanity"], names["vanity"], names["provider_id"])
        return self._people[vanity]

    async def _unless_cancelled(
        self, enrichment: PlannedEnrichment, call: Awaitable[object]
    ) -> None:
        try:
            await call
        except RpcFailed as failed:
            if failed.reason != "ENRICHMENT_CANCELLED" or not self._is_cancelled(enrichment):
                raise

    def _is_cancelled(self, enrichment: PlannedEnrichment) -> bool:
        return enrichment.id in self._history.cancelled

    async def _repeat(self, call: Callable[[], Awaitable[object]]) -> None:
        """Until it is known to have happened; for calls that the client does not repeat."""
        while True:
            try:
                await call()
            except RpcFailed as failed:
                if failed.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.05)
            else:
                return


def hash_of(text: str) -> int:
    """The same in every run."""
    return sum(ord(letter) * (index + 1) for index, letter in enumerate(text))


def _date(day: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date().isoformat()
