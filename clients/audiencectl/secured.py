"""What a secured stack on this machine stands on: certificates, keys and tokens of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clients.audiencectl.authority import Authority
from clients.audiencectl.scopes import ALL_SCOPES
from clients.audiencectl.signing_keys import (
    JWKS_FILE,
    KEY_FILE,
    TokenRequest,
    make_keys,
    sign_token,
    write_token,
)
from clients.credentials import Credentials

ISSUER: Final = "https://audiencectl.localhost"
AUDIENCE: Final = "linkedin-audiences-enrichment"
_HOSTS: Final = ("localhost", "127.0.0.1")
_TOKEN_SECONDS: Final = 30 * 24 * 3600
# What the audience service does in the enrichment service, and no more.
_TOKENS: Final = {
    "ops": ALL_SCOPES,
    "audience-service": (
        "accounts.read",
        "enrichments.read",
        "enrichments.write",
        "events.read",
        "people.erase",
    ),
}


@dataclass(frozen=True, kw_only=True)
class SecuredStack:
    """The files in one directory, which only this user can read."""

    directory: Path

    @property
    def ca_file(self) -> Path:
        """The authority that signed the services' certificate."""
        return self.directory / "ca.pem"

    @property
    def token_file(self) -> Path:
        """A token for people: all scopes, all workspaces."""
        return self.directory / "ops.token"

    @property
    def credentials(self) -> Credentials:
        """For clients on this machine."""
        return Credentials(ca_file=self.ca_file, token_file=self.token_file)

    def prepare(self) -> None:
        """Keys are kept; the certificate is signed, and the tokens are issued, anew."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        Authority.kept_in(self.directory).sign_server(self.directory, hosts=_HOSTS)
        if not (self.directory / KEY_FILE).exists():
            make_keys(self.directory)
        for name, scopes in _TOKENS.items():
            request = TokenRequest(
                subject=name,
                scopes=scopes,
                workspaces=["*"],
                issuer=ISSUER,
                audience=AUDIENCE,
                seconds=_TOKEN_SECONDS,
            )
            token = sign_token(self.directory / KEY_FILE, request)
            write_token(self.directory / f"{name}.token", token)

    def settings(self, prefix: str) -> dict[str, str]:
        """Environment variables of the service with this prefix, such as ``AUDIENCE``."""
        settings = {
            f"{prefix}_TLS_CERT_FILE": str(self.directory / "server.pem"),
            f"{prefix}_TLS_KEY_FILE": str(self.directory / "server.key"),
            f"{prefix}_JWT_JWKS": str(self.directory / JWKS_FILE),
            f"{prefix}_JWT_ISSUER": ISSUER,
            f"{prefix}_JWT_AUDIENCE": AUDIENCE,
        }
        if prefix == "AUDIENCE":
            settings["AUDIENCE_ENRICHMENT_CA_FILE"] = str(self.ca_file)
            settings["AUDIENCE_ENRICHMENT_TOKEN_FILE"] = str(
                self.directory / "audience-service.token"
            )
        return settings
