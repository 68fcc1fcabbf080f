"""The demo as `make demo` runs it: within its minute, checked by itself, nothing left behind."""

import json
import tempfile
from pathlib import Path

import pytest
import typer

from clients.audiencectl import demo
from tests.support.stack_process import command


@pytest.mark.timeout(180)
async def test_the_demo_keeps_its_promises_and_leaves_nothing(tmp_path: Path) -> None:
    ended = await command("demo", "--json", environment={"TMPDIR": str(tmp_path)})
    assert ended.status == 0, ended.stderr
    report = json.loads(ended.stdout)
    # Twice its minute: other tests run beside it.
    assert report["seconds"] < 120
    assert report["ok"] is True
    connections, leads = report["audiences"]
    assert (connections["rows"], connections["people"]) == (1000, 960)
    assert (connections["merged"], connections["no_profile"], connections["rejected"]) == (
        18,
        18,
        4,
    )
    assert leads["people"] == 300
    for audience in (connections, leads):
        done = sum(audience[end] for end in ("enriched", "cached", "partial", "failed"))
        assert done == audience["people"]
    assert connections["cached"] + leads["cached"] > 50, "100 people are in both files"
    for account in report["accounts"]:
        assert account["pauses_at_cap"] >= len(account["days"]) - 2
        assert all(day["views"] <= day["cap"] for day in account["days"])
    assert _left_in(tmp_path) == [], "the data directory is gone"
    assert _processes_using(tmp_path) == []


def test_a_demo_that_is_not_done_in_time_leaves_its_data_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # Time for the first process to be started, not for the job.
    monkeypatch.setattr(demo, "_LONGEST_SECONDS", 2.0)
    with pytest.raises(typer.Exit) as ended:
        demo.demo()
    assert ended.value.exit_code == 1
    told = capsys.readouterr().err
    assert "The demo was not done within 2 s." in told
    (kept,) = tmp_path.iterdir()
    assert str(kept / "logs") in told
    assert (kept / "logs" / "store.log").exists()
    assert _processes_using(tmp_path) == []


def _left_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def _processes_using(directory: Path) -> list[str]:
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            what = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(directory).encode() in what:
            found.append(process.name)
    return found
