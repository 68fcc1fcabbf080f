"""The server's certificate, and the authorities of its clients' ones, read again as they change."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import grpc
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from servicekit.settings import ConfigurationError

_log = structlog.get_logger("tls")

_PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class ServerCertificates:
    """Looks at its files before every handshake. What is new and broken is logged, and not used."""

    def __init__(self, *, cert_file: Path, key_file: Path, client_ca_file: Path | None) -> None:
        """ConfigurationError when the files are not a pair that can be served with."""
        self._cert_file = cert_file
        self._key_file = key_file
        self._client_ca_file = client_ca_file
        self._lock = threading.Lock()
        try:
            self._version = self._look()
            self._first = self._read()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"TLS: {error}") from None

    def credentials(self) -> grpc.ServerCredentials:
        """For the port. Connections that are open keep the certificate that they began with."""
        return grpc.dynamic_ssl_server_credentials(
            self._first,
            # The stubs do not say that it may return None.
            cast("Callable[[], grpc.ServerCertificateConfiguration]", self._renewed),
            require_client_authentication=self._client_ca_file is not None,
        )

    def _renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """Called by gRPC before each handshake, in a thread of its own; None keeps what it has."""
        with self._lock:
            try:
                version = self._look()
                if version == self._version:
                    return None
                configuration = self._read()
            except (OSError, ValueError) as error:
                # Also in the moment between the writing of one file and the other: it looks again.
                _log.error("certificate_not_renewed", exc_info=error, why=str(error))
                return None
            self._version = version
        _log.info("certificate_renewed")
        return configuration

    def _look(self) -> list[tuple[int, int, int]]:
        files = (self._cert_file, self._key_file, self._client_ca_file)
        found = [path.stat() for path in files if path is not None]
        return [(stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in found]

    def _read(self) -> grpc.ServerCertificateConfiguration:
        chain, key = self._cert_file.read_bytes(), self._key_file.read_bytes()
        _check_pair(chain, key, cert_file=self._cert_file, key_file=self._key_file)
        authorities = None
        if self._client_ca_file is not None:
            authorities = self._client_ca_file.read_bytes()
            _certificates(authorities, self._client_ca_file)
        return grpc.ssl_server_certificate_configuration([(key, chain)], authorities)


def _check_pair(chain: bytes, key: bytes, *, cert_file: Path, key_file: Path) -> None:
    certificate = _certificates(chain, cert_file)[0]
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ValueError(f"{key_file} is no private key in PEM without a password") from None
    if private.public_key().public_bytes(*_PUBLIC) != certificate.public_key().public_bytes(
        *_PUBLIC
    ):
        raise ValueError(f"{key_file} is not the key of the certificate in {cert_file}")
    if certificate.not_valid_after_utc <= datetime.now(tz=UTC):
        raise ValueError(f"the certificate in {cert_file} has expired")


def _certificates(pem: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError(f"{path} has no certificate in PEM") from None
