"""What the use cases need of the outside world. The docstrings are contracts."""

import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from enrichment_service.model import AccountStatus
from enrichment_service.view_results import ViewResult

PARTITIONS = 16
"""Fixed when the store is created."""


def partition_of(workspace: str) -> int:
    """The partition of a workspace, or of a provider account's claim: 0 to 15."""
    return zlib.crc32(workspace.encode()) % PARTITIONS


class RefusedError(Exception):
    """The store refused and changed nothing. `reason` says why, `details` what else is known."""

    def __init__(self, refusal: Mapping[str, Any]) -> None:
        super().__init__(refusal["reason"])
        self.reason = str(refusal["reason"])
        self.details = {key: value for key, value in refusal.items() if key != "reason"}


class StorePort(Protocol):
    """All state, changed by functions that each run whole or not at all."""

    async def call(self, partition: int, function: str, request: Mapping[str, object]) -> Any:
        """MUST either change everything that the function describes or nothing.

        MUST raise RefusedError when the function refuses.
        MUST NOT run a function twice for one call.
        """
        ...


class ProfileSource(Protocol):
    """Views profiles through connected LinkedIn accounts."""

    async def view(
        self, *, provider_account_id: str, identifier: str, known_id: str, deadline_seconds: float
    ) -> ViewResult:
        """MUST send at most one request, and MUST answer within the deadline.

        MUST report CONNECTION_REFUSED only when no byte of the request was sent. Whoever has
        `known_id`, the provider id that the cache knows the person by, is the one asked for,
        under whatever name; it is blank when nobody was viewed under the identifier before.
        """
        ...


class TickObserver:
    """Hears of ticks; this one lets them pass."""

    def tick(self, *, late_ms: int) -> AbstractContextManager[object]:
        """Entered while a tick is worked that was due so long before, in calendar time."""
        return nullcontext()


class KeyRefusedError(Exception):
    """The provider refused our own API key."""


class AccountSource(Protocol):
    """Tells how connected accounts are."""

    async def account_status(
        self, provider_account_id: str, *, deadline_seconds: float
    ) -> AccountStatus | None:
        """MUST answer within the deadline; None whenever the status is not known for sure.

        MUST raise KeyRefusedError when our own API key is refused. Costs no view.
        """
        ...
