"""The table of settings in the documentation is that of the code."""

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from audience_service.settings import Settings as AudienceSettings
from enrichment_service.settings import Settings as EnrichmentSettings
from linkedin_simulator.settings import Settings as SimulatorSettings
from servicekit.settings import list_settings

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.mark.parametrize("settings", [EnrichmentSettings, AudienceSettings, SimulatorSettings])
def test_every_setting_is_in_the_table(settings: type[BaseSettings]) -> None:
    lines = OPERATIONS.read_text("utf-8").splitlines()
    for row in list_settings(settings):
        default = f"`{row.default}`" if row.default else ""
        assert f"| `{row.variable}` | {default} | {row.description} |" in lines


def test_no_setting_is_listed_that_is_not_there() -> None:
    known = {
        row.variable
        for settings in (EnrichmentSettings, AudienceSettings, SimulatorSettings)
        for row in list_settings(settings)
    }
    listed = {
        line.split("`")[1]
        for line in OPERATIONS.read_text("utf-8").splitlines()
        if line.startswith(("| `ENRICHMENT_", "| `AUDIENCE_", "| `SIMULATOR_"))
    }
    assert listed == known
