"""One tick of one account: up to 15 views, one at a time, under a lease."""

import asyncio
import contextlib
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from enrichment_service.accounts import parse_hours
from enrichment_service.model import Pacing, PauseReason
from enrichment_service.person_keys import PersonKeys
from enrichment_service.policy.outcomes import classify
from enrichment_service.policy.pacing import (
    VIEWS_A_TICK,
    is_working,
    midnight_spread_ms,
    next_tick_ms,
    next_working_ms,
    views_this_tick,
)
from enrichment_service.ports import ProfileSource, RefusedError, StorePort
from enrichment_service.provider_alarm import ProviderAlarm
from enrichment_service.view_reports import report_of
from enrichment_service.view_results import Finding, Outcome, OutcomeKind, ViewResult
from servicekit.errors import ServiceError
from servicekit.names import random_id

_log = structlog.get_logger("tick")

Gaps = Iterator[float]
"""Seconds between two views of an account, endless."""

# Beyond the HTTP deadline: time to write down what became of the view.
_SETTLE_MS = 20_000
# A view is sent at once after its permit was given, or not at all. Well below the lease.
_PERMIT_STALE_MS = 5_000
_NOT_SENT = ViewResult(finding=Finding.CONNECTION_REFUSED)
# An answer that we ourselves cannot deal with: charged, counted, tried again a few times.
_BROKEN = ViewResult(finding=Finding.BROKEN_BODY)
_HAND_BACK = Outcome(kind=OutcomeKind.STOP_ALL, charged=False, counts_for_breaker=False)


class Tick:
    """Works one claimed account; `claimed` is what the script claim_tick answered."""

    def __init__(
        self,
        *,
        store: StorePort,
        source: ProfileSource,
        gaps: Gaps,
        deadline_seconds: float,
        lease_ms: int,
        stopping: asyncio.Event,
        alarm: ProviderAlarm,
        keys: PersonKeys,
        partition: int,
        claimed: Mapping[str, Any],
    ) -> None:
        self._store = store
        self._source = source
        self._gaps = gaps
        self._deadline_seconds = deadline_seconds
        self._lease_ms = lease_ms
        self._stopping = stopping
        self._alarm = alarm
        self._keys = keys
        self._partition = partition
        self._claimed = claimed
        self._account: str = claimed["account"]
        self._workspace = self._account.partition("/")[0]
        self._spread_ms = midnight_spread_ms(self._account)

    async def run(self) -> None:
        """Views what the tick allows, then hands the account back.

        Whoever loses the lease on the way stops: somebody else has the account now.
        """
        heart = asyncio.create_task(self._beat())
        try:
            ending = await self._views()
            await self._call("end_tick", spread_ms=self._spread_ms, **ending)
        except RefusedError as refusal:
            if refusal.reason != "LEASE_LOST":
                raise
            _log.warning("lease_lost", account=self._account)
        finally:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)

    async def _views(self) -> dict[str, object]:
        """What end_tick is told about the next tick."""
        settings, budget = self._claimed["settings"], self._claimed["budget"]
        pacing, hours = Pacing(settings["pacing"]), parse_hours(settings.get("hours"))
        now_ms = int(self._claimed["now"])
        ending: dict[str, object] = {}
        allowed = VIEWS_A_TICK
        if pacing is Pacing.SPREAD and hours is not None:
            if not is_working(hours, now_ms=now_ms):
                until = next_working_ms(hours, from_ms=now_ms)
                pause = {"reason": PauseReason.OUTSIDE_WORKING_HOURS, "until_ms": until}
                return {"pause": pause}
            allowed = views_this_tick(
                pacing=pacing,
                hours=hours,
                cap=int(budget["limit"]),
                used=int(budget["committed"]) + int(budget["reserved"]),
                now_ms=now_ms,
            )
            ending["not_before"] = next_tick_ms(pacing=pacing, hours=hours, now_ms=now_ms)
        for made in range(allowed):
            if (made and not await self._gap()) or self._alarm.seconds_left:
                break
            begun = await self._begin()
            if "view" not in begun:
                if begun["stop"] == "MIDNIGHT":
                    ending["not_before"] = "resumption"
                break
            result = await self._look(begun)
            if result is None:
                await self._finish(begun, _NOT_SENT, _HAND_BACK)
                continue
            outcome = _outcome_of(result)
            if not outcome.listed:
                _log.warning("unlisted_answer", status=result.status, error_type=result.error_type)
            if outcome.kind is OutcomeKind.STOP_ALL:
                self._alarm.refused()
            elif result.finding is Finding.CONNECTION_REFUSED:
                self._alarm.unreachable()
            elif result.status is not None:
                self._alarm.accepted()
            finished = await self._settle(begun, result, outcome)
            if finished.get("stop") or finished.get("stale"):
                break
        return ending

    async def _begin(self) -> dict[str, Any]:
        reservation = random_id(16)
        asked = asyncio.get_running_loop().time()
        while True:
            answer: dict[str, Any] = await self._call(
                "begin_view",
                reservation=reservation,
                deadline_ms=round(self._deadline_seconds * 1000),
                permit_ms=round(self._deadline_seconds * 1000) + _SETTLE_MS,
                spread_ms=self._spread_ms,
            )
            if "again" not in answer:
                return answer | {"reservation": reservation, "asked": asked}

    async def _look(self, begun: Mapping[str, Any]) -> ViewResult | None:
        """None when the permit has grown too old to use: this process was held up after asking."""
        view = begun["view"]
        age_ms = (asyncio.get_running_loop().time() - begun["asked"]) * 1000
        if age_ms > min(_PERMIT_STALE_MS, int(view["use_within_ms"])):
            return None
        try:
            return await self._source.view(
                provider_account_id=view["provider"],
                identifier=view["ask"],
                known_id=view.get("known", ""),
                deadline_seconds=self._deadline_seconds,
            )
        except Exception as error:
            self._log_broken("view_broke", error)
            return _BROKEN

    async def _settle(
        self, begun: Mapping[str, Any], result: ViewResult, outcome: Outcome
    ) -> dict[str, Any]:
        """Finishes a view, whatever its answer does to us.

        Otherwise the profile, which stands first again, would break every tick from now on: the
        account would do nothing else, with a view charged each time.
        """
        try:
            return await self._finish(begun, result, outcome)
        except (ServiceError, RefusedError):
            raise
        except Exception as error:
            self._log_broken("answer_broke", error)
            return await self._finish(begun, _BROKEN, _outcome_of(_BROKEN))

    def _log_broken(self, event: str, error: Exception) -> None:
        # Where, and of what type: the text may quote a person's data.
        where = traceback.extract_tb(error.__traceback__)[-1]
        _log.error(
            event,
            account=self._account,
            error=type(error).__qualname__,
            where=f"{where.filename}:{where.lineno}",
        )

    async def _finish(
        self, begun: Mapping[str, Any], result: ViewResult, outcome: Outcome
    ) -> dict[str, Any]:
        view = begun["view"]
        request = report_of(outcome, view, result, workspace=self._workspace, keys=self._keys)
        # Repeated until the answer is known: the script settles each view once.
        pause = 0.05
        while True:
            try:
                finished: dict[str, Any] = await self._call(
                    "finish_view",
                    enrichment=view["enrichment"],
                    profile=view["profile"],
                    reservation=begun["reservation"],
                    spread_ms=self._spread_ms,
                    **request,
                )
            except ServiceError as error:
                _log.warning("finish_unknown", reason=error.reason)
                await asyncio.sleep(pause)
                pause = min(1.0, pause * 2)
            else:
                return finished

    async def _gap(self) -> bool:
        """Waits between two views; False when the process is about to stop."""
        with contextlib.suppress(TimeoutError):
            seconds = next(self._gaps)
            if seconds > 0:
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()
        return not self._stopping.is_set()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            try:
                await self._call("renew_lease", lease_ms=self._lease_ms)
            except RefusedError:
                return
            except ServiceError as error:
                _log.warning("heartbeat_failed", reason=error.reason)

    async def _call(self, function: str, **request: object) -> Any:
        return await self._store.call(
            self._partition,
            function,
            {"account": self._account, "token": self._claimed["token"], **request},
        )


def _outcome_of(result: ViewResult) -> Outcome:
    return classify(finding=result.finding, status=result.status, error_type=result.error_type)
