"""The campaign engine: View Profile steps that draw on the same budget as enrichment."""

import asyncio
from random import Random

import grpc
from enrichment.v1 import view_budgets_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from clients.errors import RpcFailed
from tests.simulation.history import CampaignViews
from tests.simulation.plan import PlannedAccount
from tests.simulation.world import World

_STEP = pb.VIEW_PURPOSE_CAMPAIGN_STEP
_SHORTEST_TTL = Duration(seconds=1)
_LATE_SECONDS = 1.2


def name_of(account: PlannedAccount) -> str:
    """Its resource name."""
    return f"workspaces/{account.workspace}/accounts/{account.name}"


class Campaigns:
    """Asks for views, makes them at once, and settles them in time, too late or never."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._history = world.history
        self._client = world.client
        self._random = Random(world.plan.seed)

    async def consume(self, account: PlannedAccount, count: int) -> None:
        """Views that are charged at once."""
        try:
            answer = await self._client.view_budgets.ConsumeViews(
                pb.ConsumeViewsRequest(
                    account=name_of(account), purpose=_STEP, count=count, allow_partial=True
                )
            )
        except RpcFailed as failed:
            self._refused(failed)
            return
        self._make(account, answer.consumed, before_ms=answer.use_before_time.ToMilliseconds())

    async def reserve(self, account: PlannedAccount, count: int) -> None:
        """Views set aside: some used, then committed, released, or left to expire."""
        ending = self._random.choice(("commit", "commit late", "release", "never", "never used"))
        reserved = await self._reserve(account, count)
        if reserved is None:
            return
        reservation, before_ms = reserved
        used = 0
        if ending in ("commit", "commit late", "never"):
            used = self._random.randint(0, reservation.count)
            used = self._make(account, used, before_ms=before_ms)
        if ending.startswith("never"):
            return
        self._world.do(
            self._settle(reservation.name, used, ending),
            # A late one is settled whenever its time is over, on another day as it may be.
            aside=ending == "commit late",
        )

    async def reserve_all(self, account: PlannedAccount, count: int) -> None:
        """Views set aside and committed, of which some are not used."""
        reserved = await self._reserve(account, count)
        assert reserved is not None
        reservation, before_ms = reserved
        used = self._make(account, self._random.randint(0, count), before_ms=before_ms)
        await self._settle(reservation.name, used, "commit")

    async def _reserve(
        self, account: PlannedAccount, count: int
    ) -> tuple[pb.ViewReservation, int] | None:
        ttl = _SHORTEST_TTL if self._world.plan.faulty else None
        try:
            answer = await self._client.view_budgets.ReserveViews(
                pb.ReserveViewsRequest(
                    account=name_of(account),
                    purpose=_STEP,
                    count=count,
                    allow_partial=self._world.plan.faulty,
                    ttl=ttl,
                )
            )
        except RpcFailed as failed:
            self._refused(failed)
            return None
        reservation = answer.view_reservation
        return reservation, reservation.use_before_time.ToMilliseconds()

    async def _settle(self, name: str, used: int, ending: str) -> None:
        try:
            if ending == "release":
                await self._client.view_budgets.ReleaseViews(pb.ReleaseViewsRequest(name=name))
                return
            if ending == "commit late":
                await asyncio.sleep(_LATE_SECONDS)
            await self._client.view_budgets.CommitViews(pb.CommitViewsRequest(name=name, used=used))
        except RpcFailed as failed:
            # A release that comes too late is refused, and so it is charged.
            if failed.reason != "RESERVATION_EXPIRED":
                raise

    def _make(self, account: PlannedAccount, count: int, *, before_ms: int) -> int:
        """The views happen now, or not at all when it is too late; how many."""
        now_ms = self._world.now_ms
        if now_ms >= before_ms:
            return 0
        self._history.campaign.append(CampaignViews(account=account.id, at_ms=now_ms, count=count))
        return count

    def _refused(self, failed: RpcFailed) -> None:
        assert self._world.plan.faulty, failed
        refused = failed.reason == "VIEW_BUDGET_EXHAUSTED"
        assert refused or failed.code() is grpc.StatusCode.UNAVAILABLE, failed
