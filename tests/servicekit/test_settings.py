"""Settings: one readable line per wrong variable, and a table for the documentation."""

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from servicekit.settings import (
    ConfigurationError,
    ServerSettings,
    list_settings,
    load_settings,
    read_settings,
)


class SampleSettings(ServerSettings):
    """A service's settings."""

    model_config = SettingsConfigDict(env_prefix="SAMPLE_")

    store_key: SecretStr = Field(min_length=8, description="Key of the store.")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("SAMPLE_STORE_KEY", "correct-horse")
    return monkeypatch


def test_values_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SAMPLE_PORT", "50051")
    environment.setenv("SAMPLE_CLOCK_FILE", "")
    settings = read_settings(SampleSettings)
    assert (settings.host, settings.port, settings.clock_file) == ("127.0.0.1", 50051, None)


def test_each_wrong_variable_has_its_line(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SAMPLE_PORT", "70000")
    environment.setenv("SAMPLE_LOG_LEVEL", "loud")
    environment.setenv("SAMPLE_DRAIN_GRACE", "5")
    with pytest.raises(ConfigurationError) as caught:
        read_settings(SampleSettings)
    lines = {line.split(":")[0]: line for line in str(caught.value).splitlines()}
    assert set(lines) == {"SAMPLE_PORT", "SAMPLE_LOG_LEVEL", "SAMPLE_DRAIN_GRACE"}
    assert "65535" in lines["SAMPLE_PORT"]
    assert "'debug', 'info', 'warning' or 'error'" in lines["SAMPLE_LOG_LEVEL"]
    assert "did you mean SAMPLE_DRAIN_GRACE_SECONDS?" in lines["SAMPLE_DRAIN_GRACE"]


def test_missing_variable_is_named_with_what_it_is_for(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("SAMPLE_STORE_KEY")
    with pytest.raises(ConfigurationError, match=r"SAMPLE_STORE_KEY: .*Key of the store\."):
        read_settings(SampleSettings)


def test_wrong_settings_end_the_process_with_status_2(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("SAMPLE_INSECURE", "perhaps")
    with pytest.raises(SystemExit) as caught:
        load_settings(SampleSettings)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("SAMPLE_INSECURE: ")


def test_secrets_are_never_shown(environment: pytest.MonkeyPatch) -> None:
    assert "correct-horse" not in repr(read_settings(SampleSettings))
    environment.setenv("SAMPLE_STORE_KEY", "short")
    with pytest.raises(ConfigurationError) as caught:
        read_settings(SampleSettings)
    assert "short" not in str(caught.value).replace("too_short", "")


def test_every_setting_is_listed_with_default_and_description() -> None:
    rows = {row.variable: row for row in list_settings(SampleSettings)}
    assert rows["SAMPLE_INSECURE"].default == "false"
    assert rows["SAMPLE_CLOCK_FILE"].default == ""
    assert rows["SAMPLE_STORE_KEY"].default == "required"
    assert all(row.description.endswith(".") for row in rows.values())
