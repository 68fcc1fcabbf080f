"""Settings of the enrichment service: environment variables with the prefix ENRICHMENT_."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServerSettings

_SHORTEST_KEY = 16


class Settings(ServerSettings):
    """What the enrichment service can be told."""

    model_config = SettingsConfigDict(env_prefix="ENRICHMENT_")

    store_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description="Valkey or Redis: redis:// or rediss:// address, of a Cluster one or several "
        "of its nodes, separated by commas.",
    )
    store_marker: Path | None = Field(
        default=None,
        description="File beside an embedded store that remembers that it was initialised.",
    )
    store_attested: bool = Field(
        default=False,
        description="The store's settings are as needed although it does not show them.",
    )
    event_retention_days: int = Field(
        default=7, ge=1, le=3650, description="Days that events are kept, set at the first start."
    )
    subscriptions_per_caller: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Subscriptions to events that one caller may have open at this process.",
    )
    provider_url: str = Field(
        default="http://127.0.0.1:8090", description="Address of the connected-account API."
    )
    provider_api_key: SecretStr = Field(
        default=SecretStr(""), description="Key of the connected-account API."
    )
    erasure_key: SecretStr = Field(
        default=SecretStr(""),
        description="Secret that erased people are remembered by, at least 16 characters; it must "
        "stay the same for good. An embedded store makes its own.",
    )
    view_deadline_seconds: float = Field(
        default=20.0, gt=0, le=60, description="Longest time, in seconds, that one view may take."
    )
    view_gap_seconds: str = Field(
        default="2-8",
        description="Seconds between two views of an account: a number, or a range to draw from.",
    )
    view_gap_seed: int = Field(default=0, description="Seed of the gaps between views.")
    worker: bool = Field(default=True, description="Whether this process views profiles.")
    accounts_side_by_side: int = Field(
        default=64, ge=1, le=1000, description="Accounts that this process works at a time."
    )

    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Secret of the provider's account-status webhook, at least 16 characters, sent "
        "in the header Unipile-Auth; without it there is no webhook.",
    )
    webhook_host: str = Field(
        default="127.0.0.1", description="Address that the webhook listens on."
    )
    webhook_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the webhook; 0 takes a free one."
    )
    status_polls_a_minute: int = Field(
        default=60,
        ge=0,
        le=6000,
        description="How often a minute, at most, the provider is asked whether a disconnected "
        "account is connected again; 0 never asks.",
    )

    @field_validator("erasure_key", "webhook_secret")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < _SHORTEST_KEY:
            raise ValueError(f"must have at least {_SHORTEST_KEY} characters")
        return value

    @field_validator("view_gap_seconds")
    @classmethod
    def _is_range(cls, value: str) -> str:
        parse_gap(value)
        return value


def parse_gap(text: str) -> tuple[float, float]:
    """Shortest and longest gap in seconds; ValueError when `text` is no number or range."""
    shortest, _, longest = text.partition("-")
    try:
        gap = float(shortest), float(longest or shortest)
    except ValueError:
        raise ValueError("must be a number or a range of seconds, such as 2-8") from None
    if not 0 <= gap[0] <= gap[1] <= 3600:
        raise ValueError("must lie between 0 and 3600 seconds, the shorter first")
    return gap
