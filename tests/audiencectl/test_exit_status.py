"""The exit status of real processes: what a script goes by."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from clients.audiencectl.failures import EXIT_STATUSES
from tests.audiencectl.conftest import Cli

_PROGRAM = (sys.executable, "-m", "clients.audiencectl")


def run(cli: Cli, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """audiencectl as a process of its own."""
    return subprocess.run(
        [*_PROGRAM, *_options(cli), *words],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def _options(cli: Cli) -> tuple[str, ...]:
    return "--data-dir", str(cli.data_dir), "--workspace", "status"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("account get", 2, "Missing argument"),
        ("account get NotAnId", 2, "name"),
        ("budget commit no-slash 1", 2, "ACCOUNT/ID"),
        ("event list --type birthday", 2, "profile-enriched"),
        ("event subscribe --shard 4", 2, "0/4"),
        ("event subscribe --since noon", 2, "2026-01-05T08:00:00Z"),
        ("prospect erase abcdefgh", 2, "--yes"),
        ("audience add people", 2, "--file"),
        ("audience add people ada-lovelace", 2, "https://www.linkedin.com/in/ada-lovelace"),
        ("--audience 127.0.0.1:1 --timeout 0.5 audience list", 3, "audiencectl doctor"),
        ("account get nobody", 4, "ACCOUNT_NOT_FOUND"),
        ("audience get nobody", 4, "AUDIENCE_NOT_FOUND"),
        ("budget consume ada 61", 5, "VIEW_BUDGET_EXHAUSTED"),
        ("account connect ada --provider-account-id other --strategy new", 7, "ALREADY_EXISTS"),
        ("audience update people --description x --etag stale", 7, "ETAG_MISMATCH"),
    ],
)
def test_it_tells_what_went_wrong(cli: Cli, words: str, status: int, said: str) -> None:
    cli(
        *("--workspace", "status", "account", "connect", "ada"),
        *("--provider-account-id", "status-ada", "--strategy", "new"),
    )
    cli("--workspace", "status", "audience", "create", "people")
    ended = run(cli, *words.split())
    assert ended.returncode == status, ended.stderr
    assert status in EXIT_STATUSES
    assert said in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


def test_a_cursor_that_is_none_is_wrong_usage(cli: Cli) -> None:
    ended = run(cli, "event", "subscribe", "--cursor", "nonsense")
    assert ended.returncode == 2
    assert "CURSOR_MALFORMED" in ended.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("account list", 130, ""),
        ("import {file} --audience people --request-id once-more", 130, "--request-id once-more"),
        ("audience stream people", 130, ""),
        ("audience stream people --follow", 0, ""),
        ("event subscribe --once", 130, ""),
        ("event subscribe", 0, ""),
    ],
)
def test_interrupted(words: str, status: int, said: str, tmp_path: Path) -> None:
    file = tmp_path / "people.txt"
    file.write_text("https://www.linkedin.com/in/ada-lovelace\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [
                *(*_PROGRAM, "--enrichment", address, "--audience", address, "--timeout", "60"),
                *words.format(file=file).split(),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            # From here on it waits for an answer that does not come.
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=20)
        finally:
            if process.poll() is None:
                process.kill()
    assert process.returncode == status
    assert said in err
    assert bool(err) is bool(said)
    assert out == ""


def test_a_reader_that_has_seen_enough_is_no_failure(cli: Cli) -> None:
    words = [*_PROGRAM, "--data-dir", str(cli.data_dir), "event", "subscribe", "--from", "earliest"]
    line = f"{shlex.join(words)} --once --json | head -1"
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout)
    assert ended.stderr == ""


def test_many_people_come_through_a_pipe(cli: Cli) -> None:
    run(cli, "audience", "create", "piped")
    people = "".join(f"https://www.linkedin.com/in/piped-{n}\n" for n in range(1200))
    ended = run(cli, "audience", "add", "piped", "--file", "-", "--json", text=people)
    assert ended.returncode == 0, ended.stderr
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each["addedCount"] for each in answers] == [500, 500, 200]
    page = json.loads(run(cli, "audience", "members", "piped", "--limit", "1100", "--json").stdout)
    assert len(page["members"]) == 1100
    rest = run(cli, "audience", "members", "piped", "--json", "--page-token", page["nextPageToken"])
    assert len(json.loads(rest.stdout)["members"]) == 100
    names = {each["prospect"]["name"] for each in page["members"]}
    assert not names & {each["prospect"]["name"] for each in json.loads(rest.stdout)["members"]}


def test_a_reader_who_has_had_enough_ends_it_without_a_word(cli: Cli) -> None:
    for words in ("watch --once", "export reading --out -", "audience stream reading --json"):
        cli("--workspace", "status", "audience", "create", "reading")
        cli("--workspace", "status", "audience", "add", "reading", "linkedin.com/in/who-reads")
        reader, writer = os.pipe()
        os.close(reader)
        try:
            ended = subprocess.run(
                [*_PROGRAM, *_options(cli), *words.split()],
                stdout=writer,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        finally:
            os.close(writer)
        assert (words, ended.returncode, ended.stderr) == (words, 1, "")
