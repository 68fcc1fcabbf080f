"""Settings of TLS, of who may call, and of what one caller may take up."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

# A shared secret could be used to sign as well as to verify, and "none" verifies nothing.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)


class SecuritySettings(BaseSettings):
    """What both services can be told about it."""

    insecure: bool = Field(
        default=False,
        description="Allow plain text, or callers without a name, beyond this machine.",
    )
    tls_cert_file: Path | None = Field(
        default=None,
        description="Certificate chain of the server, PEM; a new one is used without a restart.",
    )
    tls_key_file: Path | None = Field(
        default=None, description="Private key of that certificate, PEM, without a password."
    )
    tls_client_ca_file: Path | None = Field(
        default=None,
        description="Authorities of client certificates, PEM. When set, every connection needs a "
        "certificate of theirs.",
    )
    callers_file: Path | None = Field(
        default=None,
        description="TOML file of what callers may do who are known by their certificate; read "
        "again when it changes.",
    )
    jwt_jwks: str = Field(
        default="",
        pattern=r"^$|^https://[^\s]+$|^[^:\s]+$",
        description="Public keys that bearer tokens are signed with: a JWKS file, or its https "
        "URL. When set, callers need a token, unless their certificate is a known one.",
    )
    jwt_issuer: str = Field(default="", description="The `iss` that tokens must have.")
    jwt_audience: str = Field(default="", description="The `aud` that tokens must have.")
    jwt_algorithms: str = Field(
        default="ES256,RS256",
        description="Algorithms that tokens may be signed with, separated by commas; public-key "
        "algorithms only.",
    )

    max_connections: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Connections that may be open at a time; further ones are refused.",
    )
    max_connection_age_seconds: float = Field(
        default=3600.0,
        ge=1,
        description="Age, in seconds, at which a connection is asked to end, give or take a "
        "tenth; streams get another minute, and clients come back by themselves.",
    )
    calls_per_caller: int = Field(
        default=2000,
        ge=1,
        le=100_000,
        description="Calls and streams that one caller may have open at this process.",
    )

    @field_validator("jwt_algorithms")
    @classmethod
    def _are_asymmetric(cls, value: str) -> str:
        if not value or not ALGORITHMS.issuperset(split_algorithms(value)):
            raise ValueError(f"must be some of {', '.join(sorted(ALGORITHMS))}")
        return value

    @property
    def encrypted(self) -> bool:
        """Whether the port speaks TLS."""
        return self.tls_cert_file is not None

    @property
    def names_callers(self) -> bool:
        """Whether callers are known by name, and may do only what they are allowed to."""
        return bool(self.jwt_jwks) or self.callers_file is not None


def split_algorithms(text: str) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in text.split(",")]
