"""The server's certificate for what speaks HTTP beside gRPC, read again as it changes."""

import ssl
from pathlib import Path

import structlog

from servicekit.security_settings import SecuritySettings
from servicekit.settings import ConfigurationError

_log = structlog.get_logger("tls")


def https_context(settings: SecuritySettings) -> ssl.SSLContext | None:
    """With the certificate that the gRPC port has; None when there is none.

    Clients are not asked for certificates. Each handshake looks whether the files have changed; a
    new pair that cannot be used is logged, and the one before stays. ConfigurationError when the
    first one cannot.
    """
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return None
    try:
        return _Renewing(settings.tls_cert_file, settings.tls_key_file).context
    except OSError as error:
        raise ConfigurationError(f"TLS: {error}") from None


class _Renewing:
    def __init__(self, cert_file: Path, key_file: Path) -> None:
        self._files = (cert_file, key_file)
        self._version = self._look()
        self.context = self._latest = self._read()
        # Called in every handshake, with a server name or without.
        self.context.sni_callback = self._renew

    def _renew(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        try:
            version = self._look()
            if version != self._version:
                self._latest, self._version = self._read(), version
        except OSError as error:
            # Also in the moment between the writing of one file and the other: it looks again.
            _log.error("https_certificate_not_renewed", exc_info=error)
        handshake.context = self._latest

    def _look(self) -> list[tuple[int, int, int]]:
        found = [path.stat() for path in self._files]
        return [(stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in found]

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self._files)
        return context
