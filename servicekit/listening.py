"""How the port is opened: limits and keepalive set explicitly, and nothing open unprotected."""

import ipaddress
from collections.abc import Callable
from typing import Final

from servicekit.settings import ConfigurationError, ServerSettings

# Both ends are set alike: a client that pings more often than the server allows is sent away.
KEEPALIVE_MS: Final = 30_000
PING_TIMEOUT_MS: Final = 10_000

HANDSHAKE_TIMEOUT_MS: Final = 10_000
CONNECTION_GRACE_MS: Final = 60_000
CONNECTION_IDLE_MS: Final = 600_000


_Look = Callable[[ServerSettings], object]
# What is needed, by what, whether that is set, and whether there is what it needs.
_NEEDS: Final[tuple[tuple[str, str, _Look, _Look], ...]] = (
    ("TLS_KEY_FILE", "TLS_CERT_FILE", lambda s: s.tls_cert_file, lambda s: s.tls_key_file),
    ("TLS_CERT_FILE", "TLS_KEY_FILE", lambda s: s.tls_key_file, lambda s: s.tls_cert_file),
    ("TLS_CERT_FILE", "TLS_CLIENT_CA_FILE", lambda s: s.tls_client_ca_file, lambda s: s.encrypted),
    (
        "TLS_CLIENT_CA_FILE",
        "CALLERS_FILE",
        lambda s: s.callers_file,
        lambda s: s.tls_client_ca_file,
    ),
    (
        "CALLERS_FILE",
        "TLS_CLIENT_CA_FILE",
        lambda s: s.tls_client_ca_file,
        lambda s: s.names_callers,
    ),
    ("JWT_ISSUER", "JWT_JWKS", lambda s: s.jwt_jwks, lambda s: s.jwt_issuer),
    ("JWT_AUDIENCE", "JWT_JWKS", lambda s: s.jwt_jwks, lambda s: s.jwt_audience),
)


def channel_options(settings: ServerSettings) -> list[tuple[str, int]]:
    """Options of the gRPC server; times in milliseconds, sizes in bytes."""
    return [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.max_metadata_size", 16 * 1024),
        ("grpc.absolute_max_metadata_size", 32 * 1024),
        ("grpc.max_concurrent_streams", 1_000),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        # Beyond the first, gRPC cancels calls at random, whoever sent them: a thousand streams that
        # were reset at once would cost others theirs.
        ("grpc.server.max_pending_requests", 5_000),
        ("grpc.server.max_pending_requests_hard_limit", 10_000),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_TIMEOUT_MS),
        # Balances load over new replicas, and ends what a token was good for when it began.
        ("grpc.max_connection_age_ms", int(settings.max_connection_age_seconds * 1000)),
        ("grpc.max_connection_age_grace_ms", CONNECTION_GRACE_MS),
        ("grpc.max_connection_idle_ms", CONNECTION_IDLE_MS),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", PING_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        # Without this a frozen peer keeps its connection whatever the keepalive says.
        ("grpc.http2.ping_timeout_ms", PING_TIMEOUT_MS),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", KEEPALIVE_MS // 3),
        ("grpc.http2.max_ping_strikes", 3),
        # Two servers on one port would share its connections by chance: refuse instead.
        ("grpc.so_reuseport", 0),
        # Only uncompressed messages (bit 0): inflation is not bounded by the receive limit.
        ("grpc.compression_enabled_algorithms_bitset", 1),
    ]


def check_exposure(settings: ServerSettings) -> None:
    """ConfigurationError for security that is half configured, or missing beyond this machine."""
    prefix = settings.model_config.get("env_prefix", "").upper()
    for needed, by, is_set, has_it in _NEEDS:
        if is_set(settings) and not has_it(settings):
            raise ConfigurationError(f"{prefix}{by} needs {prefix}{needed} as well: set it.")
    if settings.insecure or is_loopback(settings.host):
        return
    if not settings.encrypted:
        missing = f"speaks plain text. Set {prefix}TLS_CERT_FILE and {prefix}TLS_KEY_FILE for TLS"
    elif not settings.names_callers:
        missing = (
            f"does not ask callers who they are. Set {prefix}JWT_JWKS, or "
            f"{prefix}TLS_CLIENT_CA_FILE and {prefix}CALLERS_FILE"
        )
    else:
        return
    raise ConfigurationError(
        f"{prefix}HOST: {settings.host} is reachable from other machines, and this server "
        f"{missing}; or use 127.0.0.1, or set {prefix}INSECURE=true if the network itself is "
        "trusted."
    )


def join_address(host: str, port: int) -> str:
    """``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether an address is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
