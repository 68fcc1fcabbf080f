"""What the provider says about the connection of accounts: told by webhook, asked as the fallback.

The provider can vouch that an account is connected, and nothing more. What a person has to settle
(a checkpoint, a restriction, an open breaker) does not end because a machine says OK.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import structlog

from enrichment_service.model import AccountStatus, PauseReason
from enrichment_service.ports import (
    PARTITIONS,
    AccountSource,
    KeyRefusedError,
    RefusedError,
    StorePort,
    partition_of,
)
from servicekit.errors import ServiceError

_log = structlog.get_logger("account_status")

_DISCONNECTED = (PauseReason.ACCOUNT_DISCONNECTED,)
# Somebody has logged in at the provider, which takes passing the checkpoint.
_LOGGED_IN = (PauseReason.ACCOUNT_DISCONNECTED, PauseReason.CHECKPOINT)
ENDS: dict[AccountStatus, tuple[PauseReason, ...]] = {
    AccountStatus.OK: _DISCONNECTED,
    AccountStatus.SYNC_SUCCESS: _DISCONNECTED,
    AccountStatus.RECONNECTED: _LOGGED_IN,
    AccountStatus.CREATION_SUCCESS: _LOGGED_IN,
}
"""Reasons of the pauses that a status ends."""
HALTS: dict[AccountStatus, PauseReason] = dict.fromkeys(
    (
        AccountStatus.CREDENTIALS,
        AccountStatus.DELETED,
        AccountStatus.ERROR,
        AccountStatus.PERMISSIONS,
        AccountStatus.STOPPED,
    ),
    PauseReason.ACCOUNT_DISCONNECTED,
)
"""The pause that a status begins. CONNECTING is neither here nor there."""

POLL_AFTER_SECONDS = 60.0
"""How long an account has been disconnected, in real time, before the provider is asked first."""
_ROUND_SECONDS = 10.0
_ASK_SECONDS = 10.0


class AccountStatuses:
    """Halts and resumes accounts by what the provider says of them."""

    def __init__(self, *, store: StorePort, wake: Callable[[], None]) -> None:
        """`wake` tells the tick engine that an account may be due."""
        self._store = store
        self._wake = wake

    async def report(self, provider_account_id: str, status: AccountStatus) -> None:
        """The provider says that its account is in a status. Repeating it changes nothing."""
        claim = await self._store.call(
            partition_of(provider_account_id), "find_claim", {"provider": provider_account_id}
        )
        if "owner" not in claim:
            _log.info("status_of_unknown_account", status=status)
            return
        await self.report_of(str(claim["owner"]), provider_account_id, status)

    async def report_of(
        self, account: str, provider_account_id: str, status: AccountStatus
    ) -> None:
        """The same of an account (`<workspace>/<account>`) that had that provider account."""
        request: dict[str, object] = {"account": account, "provider": provider_account_id}
        if status in HALTS:
            request["halt"] = HALTS[status]
        elif status in ENDS:
            request["ends"] = ENDS[status]
        else:
            return
        answer = await self._store.call(
            partition_of(account.partition("/")[0]), "report_account_status", request
        )
        if answer["change"] != "NONE":
            _log.info("account_status", account=account, status=status, change=answer["change"])
            self._wake()


class StatusPolls:
    """Asks the provider about accounts that may be connected again without our hearing of it.

    Which are due, and how often, the store decides; any number of processes share the work.
    """

    def __init__(
        self,
        *,
        store: StorePort,
        source: AccountSource,
        statuses: AccountStatuses,
        polls_a_minute: int,
    ) -> None:
        """`polls_a_minute` is the most that this process asks."""
        self._store = store
        self._source = source
        self._statuses = statuses
        self._a_round = max(1, round(polls_a_minute * _ROUND_SECONDS / 60))
        self._round_seconds = self._a_round * 60 / polls_a_minute
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to ask in the background."""
        self._loop = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stops asking."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def poll(self, *, limit: int, after_seconds: float = POLL_AFTER_SECONDS) -> int:
        """Asks about at most `limit` accounts that have been due for so long; how many it were."""
        due: list[dict[str, Any]] = []
        # Not always the same partitions first, or the last would never have their turn.
        for partition in random.sample(range(PARTITIONS), PARTITIONS):
            if len(due) < limit:
                due += await self._store.call(
                    partition,
                    "claim_polls",
                    {"older_than_ms": round(after_seconds * 1000), "limit": limit - len(due)},
                )
        for each in due:
            status = await self._source.account_status(
                each["provider"], deadline_seconds=_ASK_SECONDS
            )
            if status is not None:
                await self._statuses.report_of(each["account"], each["provider"], status)
        return len(due)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._round_seconds)
            try:
                await self.poll(limit=self._a_round)
            except KeyRefusedError:
                _log.error(
                    "provider_key_refused",
                    advice="no account is seen to be connected again until "
                    "ENRICHMENT_PROVIDER_API_KEY is a valid key",
                )
            except (ServiceError, RefusedError) as error:
                _log.warning("polls_failed", reason=error.reason)
            except Exception:
                # The loop outlives whatever one round ran into; the log has the cause.
                _log.exception("polls_failed")
