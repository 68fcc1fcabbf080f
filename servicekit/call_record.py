"""One call as access log and metrics tell it: method, outcome, duration; never content."""

import ipaddress
import time
from functools import lru_cache

import structlog

from servicekit.call_metrics import MethodMetrics
from servicekit.error_places import places_of, types_of
from servicekit.names import random_id

_access_log = structlog.get_logger("access")
_error_log = structlog.get_logger("errors")


class CallRecord:
    """What is known about one call while it runs; written once when it ends."""

    __slots__ = (
        "_method",
        "_metrics",
        "_peer",
        "_started",
        "caller",
        "code",
        "reason",
        "request_id",
    )

    def __init__(self, *, method: str, peer: str, request_id: str, metrics: MethodMetrics) -> None:
        self._method = method
        self._peer = peer
        self._started = time.perf_counter()
        self.request_id = request_id
        self.caller = ""
        self.code = "OK"
        self.reason = ""
        self._metrics = metrics
        metrics.begin()

    def write(self) -> None:
        """Count the call, and write its access log line; duration in milliseconds."""
        seconds = time.perf_counter() - self._started
        self._metrics.end(code=self.code, reason=self.reason, seconds=seconds)
        _access_log.info(
            "call",
            method=self._method,
            code=self.code,
            reason=self.reason,
            duration_ms=round(seconds * 1000, 3),
            request_id=self.request_id,
            peer=_peer_class(self._peer),
            caller=self.caller,
        )

    def write_unexpected(self, error: BaseException) -> str:
        """Log where an unexpected error came from, and return the id that the caller is given.

        The text of an exception may quote a person's data (SQL parameters, parsed input), so only
        types and places are logged; the text appears at level debug alone.
        """
        error_id = random_id()
        _error_log.error(
            "unexpected_error",
            error_id=error_id,
            method=self._method,
            request_id=self.request_id,
            error_type=types_of(error),
            traceback=places_of(error),
        )
        _error_log.debug("unexpected_error_text", error_id=error_id, text=str(error))
        return error_id


def _peer_class(peer: str) -> str:
    """Where a caller is, without saying who: ``ipv4:10.0.0.7:5050`` becomes "private"."""
    kind, _, rest = peer.partition(":")
    return kind if kind not in ("ipv4", "ipv6") else _address_class(rest.rpartition(":")[0])


@lru_cache(maxsize=1024)
def _address_class(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address.replace("%5B", "").replace("%5D", "").strip("[]"))
    except ValueError:
        return "unknown"
    if ip.is_loopback:
        return "loopback"
    return "private" if ip.is_private else "public"
