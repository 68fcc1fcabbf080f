"""A running stack, and audiencectl against it in this process."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from clients.audiencectl.main import app

_STACK = (
    *(sys.executable, "-m", "clients.audiencectl", "up"),
    *("--audience-port", "0", "--enrichment-port", "0", "--simulator-port", "0"),
    *("--stepped-clock", "--start-time", "2026-03-02T08:00:00Z"),
)


class Cli:
    """audiencectl against one stack, called without a process of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def __call__(self, *words: str) -> Result:
        return CliRunner().invoke(
            app, ["--data-dir", str(self.data_dir), *words], env={"COLUMNS": "160"}
        )

    def json(self, *words: str) -> dict[str, object]:
        """What it prints with --json, which must work."""
        ended = self(*words, "--json")
        assert ended.exit_code == 0, ended.output
        document: dict[str, object] = json.loads(ended.stdout)
        return document


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cli]:
    """A stack on the stepped clock, on free ports."""
    data_dir = tmp_path_factory.mktemp("stack") / "data"
    stack = subprocess.Popen(
        [*_STACK, "--data-dir", str(data_dir)],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert stack.stdout is not None
    try:
        assert stack.stdout.readline(), "it did not come up"
        yield Cli(data_dir)
    finally:
        stack.terminate()
        stack.wait(40)
        stack.stdout.close()
