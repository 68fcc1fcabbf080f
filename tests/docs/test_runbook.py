"""Alerts, dashboards and the runbook belong together."""

import re
from pathlib import Path

import pytest

from tests.support.dashboards import DASHBOARDS, ROOT, alerts, dashboard, expressions, selectors

RUNBOOK = ROOT / "docs" / "runbook.md"
PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"


def test_every_alert_leads_to_its_section() -> None:
    text = RUNBOOK.read_text("utf-8")
    sections = re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in sections] == list(alerts())
    for name, text in sections:
        assert alerts()[name]["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"
        for label in ("**Means:**", "**Look:**", "**Do:**"):
            assert label in text, name


def test_every_alert_says_whom_it_wakes() -> None:
    for rule in alerts().values():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]


@pytest.mark.parametrize("where", expressions())
def test_every_expression_can_be_parsed(where: str) -> None:
    assert selectors(expressions()[where])


def test_events_that_are_counted_are_logged_somewhere() -> None:
    code = "".join(
        path.read_text("utf-8")
        for folder in ("servicekit", "enrichment_service", "audience_service")
        for path in (ROOT / folder).rglob("*.py")
        # Not the list of what is expected.
        if path.name != "__main__.py"
    )
    named = {
        str(matcher.value)
        for expression in expressions().values()
        for selector in selectors(expression)
        for matcher in selector.matchers.matchers
        if matcher.name == "event"
    }
    assert named
    assert [event for event in named if f'"{event}"' not in code] == []


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_dashboards_are_whole(file: Path) -> None:
    board = dashboard(file)
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    drawn = [panel for panel in panels if panel["type"] != "row"]
    assert all(panel["targets"] and panel["title"] for panel in drawn)
    uid = re.search(r"uid: (\S+)", (PROVISIONING / "datasources" / "prometheus.yml").read_text())
    assert uid is not None
    sources = {panel["datasource"]["uid"] for panel in drawn}
    sources |= {target["datasource"]["uid"] for panel in drawn for target in panel["targets"]}
    assert sources == {uid[1]}
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert grid["x"] + grid["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_there_are_two_dashboards() -> None:
    assert len({dashboard(file)["uid"] for file in DASHBOARDS}) == len(DASHBOARDS) == 2
