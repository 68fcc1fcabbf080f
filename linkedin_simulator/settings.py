"""Settings of the simulator, read from environment variables with the prefix `SIMULATOR_`."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be set; the environment variable is `SIMULATOR_` and the upper-case name.

    Raises:
        pydantic.ValidationError: a value is missing, of the wrong type or out of range.
    """

    model_config = SettingsConfigDict(env_prefix="SIMULATOR_", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=0, ge=0, le=65535, description="TCP port; 0 takes a free one.")
    data_dir: Path = Field(
        default=Path(".data/simulator"),
        description="Folder of the view log, known people, accounts and faults; made if absent.",
    )
    api_key: SecretStr = Field(
        default=SecretStr("simulator-key"), description="The X-API-KEY that callers must send."
    )
    clock_file: Path | None = Field(
        default=None,
        description="File whose first 8 bytes are the time as a little-endian int64, milliseconds "
        "since the epoch, shared by the whole stack; real time without it.",
    )
    any_account: bool = Field(
        default=True, description="Every account id exists; if false, only those that were posted."
    )
    null_share: float = Field(
        default=0.02, ge=0, le=1, description="Share of people with some fields null."
    )
    private_share: float = Field(
        default=0.005, ge=0, le=1, description="Share of people who come back without names."
    )
    picture_seconds: int = Field(
        default=60 * 86_400, ge=1, description="Life of a signed picture URL, in seconds."
    )
    newest_version: str = Field(
        default="202607",
        pattern=r"^\d{4}(0[1-9]|1[0-2])$",
        description="Newest LinkedIn-Version (YYYYMM); it and the eleven before it are supported.",
    )
