"""The examples of docs/audiencectl.md, run in order against a running pair."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audiencectl import command_page
from tests.audiencectl.conftest import Cli

_SECONDS = 60.0


def test_every_example_works(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(command_page.ROOT)
    find: dict[str, Callable[[], str]] = {
        "FOLDER": lambda: str(tmp_path),
        "PROSPECT": lambda: _prospect(cli),
        "PROFILE": lambda: _profile(cli),
        "RESERVATION": lambda: _reservation(cli),
        "LINKEDIN_TOKEN": lambda: "simulated",
    }
    for example in command_page.examples():
        values = {name: find[name]() for name in command_page.variables_in(example)}
        ended = cli(*command_page.arguments(example, values))
        assert ended.exit_code == 0, f"{example}\n{ended.output}"
        assert ended.stdout.strip(), example


def _prospect(cli: Cli) -> str:
    return _id(cli.json("prospect", "list", "--limit", "1"), "prospects", "name")


def _reservation(cli: Cli) -> str:
    held = cli.json("budget", "reserve", "ada", "2")["viewReservation"]
    assert isinstance(held, dict)
    return str(held["name"])


def _profile(cli: Cli) -> str:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        found = cli.json("event", "list", "--type", "profile-enriched", "--limit", "1")
        if found.get("events"):
            return _id(found, "events", "profile")
    raise AssertionError(f"no profile was viewed within {_SECONDS:.0f} s")


def _id(answer: dict[str, object], plural: str, field: str) -> str:
    listed = answer[plural]
    assert isinstance(listed, list)
    return str(listed[0][field]).rpartition("/")[2]
