"""Use case of EraseProspect, and telling the enrichment service until it answers."""

from typing import Final

import structlog

from audience_service.erase_people import erase_people, prospect_name
from audience_service.model import PendingErasure
from audience_service.ports import EnrichmentGateway, Store, Transaction
from audience_service.signals import Signals
from servicekit.clock import Clock
from servicekit.errors import ServiceError, not_found

_log = structlog.get_logger("erasure")

_POLL_SECONDS: Final = 5.0
_PAGE: Final = 100


class Erasure:
    """Use case of EraseProspect, and the work that it leaves."""

    def __init__(
        self, *, store: Store, clock: Clock, enrichment: EnrichmentGateway, signals: Signals
    ) -> None:
        self._store = store
        self._clock = clock
        self._enrichment = enrichment
        self._signals = signals

    async def erase(self, workspace: str, prospect: str) -> None:
        """Erase a prospect; NOT_FOUND when there never was one. Repeating it changes nothing."""

        async def work(tx: Transaction) -> bool:
            found = await tx.prospects.get_many(workspace, [prospect])
            if not found:
                name = prospect_name(prospect)
                if await tx.erasures.erased_among(workspace, [name]):
                    return False
                raise not_found("prospect", f"workspaces/{workspace}/prospects/{prospect}")
            survivor = found[prospect].merged_into or prospect
            now_ms = self._clock.now_ms()
            await erase_people(tx, workspace, [survivor], aliases=(), now_ms=now_ms)
            return True

        if await self._store.write([workspace], work):
            _log.info("prospect_erased", workspace=workspace, prospect=prospect)
        self._signals.send("erasure")
        self._signals.send(("members", workspace))

    async def run(self) -> None:
        """Tell the enrichment service of everybody who was erased here, until cancelled.

        Raises what it was refused with after a round; whoever runs it runs it again.
        """
        with self._signals.listen("erasure") as listener:
            while True:
                pending = await self._store.read(lambda tx: tx.erasures.pending(limit=_PAGE))
                # One that is refused holds no other up; all are tried again after a pause.
                refused = [error for each in pending if (error := await self._tell(each))]
                if refused:
                    raise refused[0]
                if not pending:
                    await listener.wait(at_most=_POLL_SECONDS)

    async def _tell(self, erasure: PendingErasure) -> ServiceError | None:
        """Erase one person over there; returns why that was refused."""
        if erasure.identifiers:
            try:
                await self._enrichment.erase(erasure.workspace, erasure.identifiers)
            except ServiceError as error:
                return error
        await self._store.write(
            [erasure.workspace],
            lambda tx: tx.erasures.drop_pending(erasure.workspace, erasure.id),
        )
        _log.info("erasure_complete", workspace=erasure.workspace, erasure=erasure.id)
        return None
