"""When the server's certificate ends, as a metric: nobody else may know."""

from pathlib import Path

from cryptography import x509
from prometheus_client import Gauge

from servicekit.metrics import Metrics

# Long ago: what cannot be read is as good as over.
_UNREADABLE = 1.0


def watch_certificate(file: Path | None, *, metrics: Metrics) -> None:
    """Tell when the certificate in ``file`` ends, read anew each time; 0 without TLS."""
    gauge = Gauge(
        "service_certificate_expiry_timestamp_seconds",
        "When the server's certificate ends; 0 without TLS, 1 when it cannot be read.",
        registry=metrics.registry,
    )
    if file is not None:
        gauge.set_function(lambda: _expiry(file))


def _expiry(file: Path) -> float:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return _UNREADABLE
