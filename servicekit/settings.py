"""Settings from environment variables, all checked at start.

A service subclasses ``ServerSettings`` with an ``env_prefix``; every field has a description.
"""

import difflib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from servicekit.logs import LogFormat, LogLevel
from servicekit.secret_files import SecretFiles, file_variables, problems_of_files
from servicekit.security_settings import SecuritySettings


class ConfigurationError(Exception):
    """The process cannot start like this; the text says which variable to set, and to what."""


class ServerSettings(SecuritySettings):
    """What both services can be told."""

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True, env_ignore_empty=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the files that it names for secrets."""
        return init_settings, env_settings, SecretFiles(settings_cls)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=0, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    log_level: LogLevel = Field(default="info", description="Least level that is logged.")
    log_format: LogFormat = Field(
        default="json", description="json for machines, console for people."
    )
    clock_file: Path | None = Field(
        default=None, description="File of the stepped clock (tests, demo); empty means real time."
    )
    drain_grace_seconds: float = Field(
        default=10.0,
        ge=0,
        le=600,
        description="Seconds that calls under way get to end at shutdown.",
    )
    max_message_bytes: int = Field(
        default=4 * 1024 * 1024,
        # Below this a batch of events might not fit.
        ge=4 * 1024 * 1024,
        le=64 * 1024 * 1024,
        description="Largest request or response message, in bytes.",
    )
    default_deadline_seconds: float = Field(
        default=30.0, gt=0, description="Deadline, in seconds, of a unary call that brings none."
    )
    metrics: bool = Field(default=True, description="Whether metrics are served.")
    metrics_host: str = Field(
        default="127.0.0.1",
        description="Address that metrics are served at; whoever reaches it may read them.",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the metrics; 0 takes a free one."
    )
    otlp_endpoint: str = Field(
        default="",
        pattern=r"^$|^https?://[^\s]+$",
        description="Where traces are sent by OTLP over gRPC, such as http://127.0.0.1:4317. "
        "Without it OTEL_EXPORTER_OTLP_ENDPOINT counts; without either nothing is traced.",
    )


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """One setting as the documentation lists it."""

    variable: str
    default: str
    description: str


def list_settings(cls: type[BaseSettings]) -> list[SettingRow]:
    """All settings of a class, in the order of their definition."""
    files = file_variables(cls) if issubclass(cls, ServerSettings) else {}
    rows: list[SettingRow] = []
    for name, field in cls.model_fields.items():
        rows.append(
            SettingRow(
                variable=_variable(cls, name),
                default="required" if field.is_required() else _shown(field.get_default()),
                description=field.description or "",
            )
        )
        if name in files:
            secret = f"A file with it, instead of `{_variable(cls, name)}`."
            rows.append(SettingRow(variable=files[name], default="", description=secret))
    return rows


def load_settings(cls: type[SettingsT]) -> SettingsT:
    """The settings from the environment; prints one line per bad variable and exits with 2."""
    try:
        return read_settings(cls)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


def read_settings(cls: type[SettingsT]) -> SettingsT:
    """The settings from the environment; ConfigurationError with one line per bad variable."""
    problems = _unknown_variables(cls)
    if issubclass(cls, ServerSettings):
        problems += problems_of_files(cls)
    try:
        settings = cls()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            where = str(problem["loc"][0]) if problem["loc"] else ""
            name = _variable(cls, where) if where in cls.model_fields else cls.__name__
            problems.append(f"{name}: {problem['msg']}. {_hint(cls, where)}".rstrip())
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def _unknown_variables(cls: type[BaseSettings]) -> list[str]:
    known = [row.variable for row in list_settings(cls)]
    prefix = cls.model_config.get("env_prefix", "").upper()
    unknown = [name for name in os.environ if prefix and name.upper().startswith(prefix)]
    problems: list[str] = []
    for name in sorted(unknown):
        if name.upper() in known:
            continue
        close = difflib.get_close_matches(name.upper(), known, n=1)
        advice = f"did you mean {close[0]}?" if close else "remove it."
        problems.append(f"{name}: there is no such setting; {advice}")
    return problems


def _hint(cls: type[BaseSettings], name: str) -> str:
    field = cls.model_fields.get(name)
    return field.description or "" if field else ""


def _variable(cls: type[BaseSettings], name: str) -> str:
    return f"{cls.model_config.get('env_prefix', '')}{name}".upper()


def _shown(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, SecretStr):
        # Whatever everybody can read in the source is no secret.
        return default.get_secret_value()
    return str(default).lower() if isinstance(default, bool) else str(default)
