"""Where an export may go: a file, a link to one, a pipe, stdout."""

import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.audiencectl.conftest import Cli
from tests.audiencectl.test_exit_status import run

_URL = "https://www.linkedin.com/in/somebody-exported"


@pytest.fixture
def people(cli: Cli) -> str:
    """An audience with one member."""
    cli("--workspace", "status", "audience", "create", "exported")
    cli("--workspace", "status", "audience", "add", "exported", _URL)
    return "exported"


def test_a_dash_is_stdout_and_makes_no_file(
    cli: Cli, people: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run(cli, "export", people, "--out", "-")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert _URL in ended.stdout
    assert "Wrote" not in ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_to_and_stays_one(cli: Cli, people: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as threads:
        read = threads.submit(
            subprocess.run, ["cat", str(pipe)], capture_output=True, timeout=60, check=False
        )
        ended = run(cli, "export", people, "--out", str(pipe))
    assert ended.returncode == 0, ended.stderr
    assert _URL in read.result().stdout.decode()
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_link_stays_one(cli: Cli, people: str, tmp_path: Path) -> None:
    file, link = tmp_path / "file.csv", tmp_path / "link.csv"
    link.symlink_to(file)
    ended = run(cli, "export", people, "--out", str(link))
    assert ended.returncode == 0, ended.stderr
    assert link.is_symlink()
    assert _URL in file.read_text()
