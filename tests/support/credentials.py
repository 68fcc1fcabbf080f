"""Keys, tokens and certificates for servers that ask who calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from clients.audiencectl.authority import Authority
from clients.audiencectl.signing_keys import TokenRequest, make_keys, sign_token

ISSUER = "https://issuer.example.org"
AUDIENCE = "linkedin-audiences-enrichment"


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Signs tokens; servers know its public key from ``jwks_file``."""

    key_file: Path
    jwks_file: Path

    @classmethod
    def create(cls, directory: Path) -> Self:
        """An issuer with a new key."""
        key_file, jwks_file = make_keys(directory)
        return cls(key_file=key_file, jwks_file=jwks_file)

    def token(
        self,
        *,
        subject: str = "test",
        scopes: Sequence[str] = (),
        workspaces: Sequence[str] = ("*",),
        issuer: str = ISSUER,
        audience: str = AUDIENCE,
        seconds: int = 3600,
    ) -> str:
        """A token; ``seconds`` is its life, negative for one that has expired."""
        return sign_token(
            self.key_file,
            TokenRequest(
                subject=subject,
                scopes=scopes,
                workspaces=workspaces,
                issuer=issuer,
                audience=audience,
                seconds=seconds,
            ),
        )


def jwt_settings(issuer: Issuer) -> dict[str, str]:
    """Settings of a server that takes this issuer's tokens, without their prefix."""
    return {
        "jwt_jwks": str(issuer.jwks_file),
        "jwt_issuer": ISSUER,
        "jwt_audience": AUDIENCE,
    }


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Request metadata with a token."""
    return (("authorization", f"Bearer {token}"),)


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """An authority in a directory, with a pair for the server and one for a client."""

    directory: Path
    authority: Authority

    @classmethod
    def create(cls, directory: Path, *, client_names: Sequence[str] = ("engine.test",)) -> Self:
        """Everything anew, for 127.0.0.1 and localhost."""
        authority = Authority.create()
        authority.write(directory)
        authority.sign_server(directory, hosts=["127.0.0.1", "localhost"])
        authority.sign_client(directory, names=client_names)
        return cls(directory=directory, authority=authority)

    def file(self, name: str) -> Path:
        """``ca.pem``, ``server.pem``, ``server.key``, ``client.pem`` or ``client.key``."""
        return self.directory / name
