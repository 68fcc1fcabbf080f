"""Secrets that lie in files: ``X_FILE`` names the file of the secret ``X``."""

import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

_MOST_BYTES = 64 * 1024


def file_variables(cls: type[BaseSettings]) -> dict[str, str]:
    """The variable of the file, by the field of the secret."""
    prefix = cls.model_config.get("env_prefix", "")
    return {
        name: f"{prefix}{name}_FILE".upper()
        for name, field in cls.model_fields.items()
        if field.annotation is SecretStr
    }


def problems_of_files(cls: type[BaseSettings]) -> list[str]:
    """A line for each file that holds no secret, or stands beside the secret itself."""
    problems: list[str] = []
    for variable in file_variables(cls).values():
        path = os.environ.get(variable)
        if not path:
            continue
        secret = variable.removesuffix("_FILE")
        if os.environ.get(secret):
            problems.append(f"{variable}: {secret} is set as well; keep one of them.")
        try:
            _read(path)
        except (OSError, ValueError):
            problems.append(f"{variable}: there is no readable file with a secret at this path.")
    return problems


class SecretFiles(PydanticBaseSettingsSource):
    """Reads them. What cannot be read is left out here; ``problems_of_files`` tells of it."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The secret in the file, None without one."""
        variable = file_variables(self.settings_cls).get(field_name, "")
        path = os.environ.get(variable, "")
        try:
            return (_read(path) if path else None), field_name, False
        except (OSError, ValueError):
            return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """All of them by field."""
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


def _read(path: str) -> str:
    with Path(path).open(encoding="utf-8") as file:
        secret = file.read(_MOST_BYTES).strip()
    if not secret:
        raise ValueError("empty")
    return secret
