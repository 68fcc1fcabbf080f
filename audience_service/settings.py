"""What the service can be told, by environment variables with the prefix AUDIENCE_."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServerSettings

_SHORTEST_KEY = 16


class Settings(ServerSettings):
    """Settings of the audience service."""

    model_config = SettingsConfigDict(
        env_prefix="AUDIENCE_", frozen=True, hide_input_in_errors=True
    )

    database_url: SecretStr = Field(
        default=SecretStr("sqlite+aiosqlite:///audience.db"),
        description="SQLAlchemy URL of the database, such as sqlite+aiosqlite:////data/audience.db "
        "or postgresql://user:password@host/audience.",
    )
    enrichment_address: str = Field(
        default="127.0.0.1:7001",
        pattern=r"^[^\s:]+:\d+$|^\[[0-9a-fA-F:]+\]:\d+$",
        description="host:port of the enrichment service.",
    )
    enrichment_ca_file: Path | None = Field(
        default=None,
        description="Authorities of the enrichment service's certificate, PEM; turns TLS on.",
    )
    enrichment_cert_file: Path | None = Field(
        default=None,
        description="Certificate that this service shows to the enrichment service, PEM.",
    )
    enrichment_key_file: Path | None = Field(
        default=None, description="Private key of that certificate, PEM."
    )
    enrichment_token_file: Path | None = Field(
        default=None,
        description="Bearer token for the enrichment service, for all workspaces; read again when "
        "it changes.",
    )
    erasure_key: SecretStr = Field(
        default=SecretStr(""),
        description="Secret that erased people are remembered by, at least 16 characters; it must "
        "stay the same for good. SQLite has its own, in a file beside the database.",
    )
    linkedin_api_url: str = Field(
        default="https://api.linkedin.com",
        pattern=r"^https?://[^\s?#]+$",
        description="Base URL of LinkedIn's Marketing API.",
    )
    linkedin_version: str = Field(
        default="202607",
        pattern=r"^\d{4}(0[1-9]|1[0-2])$",
        description="LinkedIn-Version (YYYYMM) of the Marketing API.",
    )
    linkedin_counts_api: Literal["rest", "v2"] = Field(
        default="rest",
        description="Which form of audience counts is asked: rest (/rest/audienceCounts) or v2 "
        "(/v2/audienceCountsV2, without a version).",
    )
    deleted_retention_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="Days for which a deleted audience can be brought back.",
    )
    import_max_bytes: int = Field(
        default=512 * 1024 * 1024, ge=1024, description="Largest file that is imported, in bytes."
    )
    import_idle_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Seconds without any part of the file after which an import's stream is ended; "
        "it can be resumed.",
    )
    import_receive_seconds: float = Field(
        default=3600.0,
        gt=0,
        description="Seconds that the parts of a file may take in one stream; it can be resumed.",
    )
    import_max_rows: int = Field(
        default=2_000_000, ge=1, description="Most rows of people in an imported file."
    )

    @field_validator("erasure_key")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < _SHORTEST_KEY:
            raise ValueError(f"must have at least {_SHORTEST_KEY} characters")
        return value
