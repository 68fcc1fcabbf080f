"""What concerns all accounts at once: our API key is refused, or nobody answers at all."""

import asyncio

import structlog

_log = structlog.get_logger("provider_alarm")

_FIRST_UNREACHABLE_SECONDS = 0.5
_LONGEST_UNREACHABLE_SECONDS = 30.0


class ProviderAlarm:
    """Stops all fetching of this process for a while, in real time, when no account is to blame.

    Afterwards the provider is in doubt until it has answered: one account tries first. So nobody
    hammers it, and an outage of seconds uses up no account's breaker.
    """

    def __init__(self, *, halt_seconds: float) -> None:
        """`halt_seconds` is how long nothing is fetched after a refusal, in real time."""
        self._halt_seconds = halt_seconds
        self._unreachable_seconds = _FIRST_UNREACHABLE_SECONDS
        self._until = 0.0
        self.in_doubt = False

    @property
    def seconds_left(self) -> float:
        """How long nothing is to be fetched; 0 when there is no alarm."""
        return max(0.0, self._until - asyncio.get_running_loop().time())

    def refused(self) -> None:
        """The key was refused just now."""
        if not self.seconds_left:
            _log.error(
                "provider_key_refused",
                advice="nothing is viewed until ENRICHMENT_PROVIDER_API_KEY is a valid key",
            )
        self._until = asyncio.get_running_loop().time() + self._halt_seconds
        self.in_doubt = True

    def unreachable(self) -> None:
        """No connection came about; each time in a row the pause doubles."""
        if self.seconds_left:
            return
        _log.warning("provider_unreachable", pause_seconds=self._unreachable_seconds)
        self._until = asyncio.get_running_loop().time() + self._unreachable_seconds
        self._unreachable_seconds = min(2 * self._unreachable_seconds, _LONGEST_UNREACHABLE_SECONDS)
        self.in_doubt = True

    def accepted(self) -> None:
        """The provider answered otherwise; a request sent before the refusal proves nothing."""
        if not self.seconds_left:
            self.in_doubt = False
            self._unreachable_seconds = _FIRST_UNREACHABLE_SECONDS
