"""How a client knows its server, and proves who it is: TLS, a certificate, a bearer token."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

import grpc

from clients.tokens import Token


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Files in PEM, except for the token. With none of them the channel is plain text.

    Attributes:
        ca_file: the authorities that the server's certificate may come from; it turns TLS on.
        cert_file: the client's own certificate chain, for servers that want one; needs the others.
        key_file: the private key of that certificate.
        token_file: a bearer token. It is read again when the file changes, so that it may be
            renewed while the client runs; the other files are read once.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    token_file: Path | None = None

    def __post_init__(self) -> None:
        """ValueError for files that are of no use without another one."""
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("a client certificate needs its key, and a key its certificate")
        if self.cert_file is not None and self.ca_file is None:
            raise ValueError("a client certificate needs a CA file, to know the server by")

    def channel_credentials(self) -> grpc.ChannelCredentials | None:
        """Credentials of a TLS channel, None for plain text; OSError for a file that is not there.

        Connections that are made later use what was read now.
        """
        if self.ca_file is None:
            return None
        key = self.key_file.read_bytes() if self.key_file else None
        chain = self.cert_file.read_bytes() if self.cert_file else None
        return grpc.ssl_channel_credentials(self.ca_file.read_bytes(), key, chain)

    def token_for(self, address: str) -> Token | None:
        """The token for calls to an address; ValueError where all the network could read it."""
        if self.token_file is None:
            return None
        if self.ca_file is None and not _is_loopback(address):
            raise ValueError(
                f"a token is not sent to {address} in plain text: give a CA file, for TLS"
            )
        return Token(self.token_file)


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
