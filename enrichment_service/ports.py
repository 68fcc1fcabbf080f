"""What the use cases need of the outside world. The docstrings are contracts."""

from collections.abc import Mapping
from typing import Any, Protocol


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

        MUST raise RefusedError when the function refuses. MUST NOT run a function twice for one call.
        """
        ...
