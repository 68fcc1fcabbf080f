"""Secrets from files: read, told of when they cannot be, and never shown."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from servicekit.settings import ConfigurationError, ServerSettings, list_settings, read_settings


class Example(ServerSettings):
    """With one secret."""

    model_config = SettingsConfigDict(env_prefix="EXAMPLE_")
    api_key: SecretStr = SecretStr("")


def test_secret_of_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hidden\n")
    monkeypatch.setenv("EXAMPLE_API_KEY_FILE", str(tmp_path / "key"))
    settings = read_settings(Example)
    assert settings.api_key.get_secret_value() == "hidden"
    assert "hidden" not in f"{settings!r} {settings}"
    assert "EXAMPLE_API_KEY_FILE" in [row.variable for row in list_settings(Example)]


def test_empty_variable_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY_FILE", "")
    monkeypatch.setenv("EXAMPLE_API_KEY", "given")
    assert read_settings(Example).api_key.get_secret_value() == "given"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"])
def test_file_without_a_secret_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv("EXAMPLE_API_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(ConfigurationError, match=r"^EXAMPLE_API_KEY_FILE: there is no readable"):
        read_settings(Example)


def test_secret_beside_its_file_is_one_too_many(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("hidden")
    monkeypatch.setenv("EXAMPLE_API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("EXAMPLE_API_KEY", "given")
    with pytest.raises(ConfigurationError, match="EXAMPLE_API_KEY is set as well"):
        read_settings(Example)
