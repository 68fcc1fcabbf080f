"""What concerns all accounts at once: the provider refuses our own API key."""

import asyncio

import structlog

_log = structlog.get_logger("key_alarm")


class KeyAlarm:
    """Stops all fetching of this process for a while once our own key was refused.

    Afterwards the key is in doubt until the provider has answered to it: one account tries first.
    """

    def __init__(self, *, halt_seconds: float) -> None:
        """`halt_seconds` is how long nothing is fetched after a refusal, in real time."""
        self._halt_seconds = halt_seconds
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

    def accepted(self) -> None:
        """The provider answered otherwise; a request sent before the refusal proves nothing."""
        if not self.seconds_left:
            self.in_doubt = False
