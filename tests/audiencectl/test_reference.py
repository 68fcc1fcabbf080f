"""The reference lists the commands as they are, and every method of the contract has one."""

import pytest
from typer.testing import CliRunner

from clients.audiencectl.failures import EXIT_STATUSES
from clients.audiencectl.main import app
from tests.audiencectl import command_page
from tests.audiencectl.command_tree import commands, row, usage
from tests.audiencectl.recorder import contract, recording

_ANYTHING = {
    "PROSPECT": "abcdefgh",
    "PROFILE": "abcdefgh",
    "RESERVATION": "ada/abcdefgh",
    "LINKEDIN_TOKEN": "token",
}


def test_every_command_is_listed_as_it_is() -> None:
    said = command_page.calls_by_usage()
    rows = [row(path, each, said.get(usage(path, each), "")) for path, each in commands().items()]
    missing = [each for each in rows if each not in command_page.text()]
    assert not missing, "put these lines into docs/audiencectl.md:\n" + "\n".join(missing)
    assert len(said) == len(rows), "a command is listed that is not there"


def test_every_exit_status_is_listed() -> None:
    for status, meaning in EXIT_STATUSES.items():
        assert f"| {status} | {meaning} |" in command_page.text()


def test_the_root_tells_the_exit_statuses() -> None:
    told = " ".join(CliRunner().invoke(app, ["--help"]).output.split())
    assert all(f"{status}: {meaning}" in told for status, meaning in EXIT_STATUSES.items())


def test_every_method_is_called_by_the_command_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(command_page.ROOT)
    said = {
        path: command_page.calls_by_usage()[usage(path, command)]
        for path, command in commands().items()
    }
    seen: set[str] = set()
    with recording() as recorder:
        servers = ["--audience", recorder.address, "--enrichment", recorder.address]
        for example in command_page.examples():
            words = command_page.arguments(example, _ANYTHING)
            path = command_page.command_of(words, said)
            recorder.called.clear()
            CliRunner().invoke(app, [*servers, *words])
            if said[path]:
                assert recorder.called[:1] == [said[path]], example
            seen.add(path)
    assert {path for path, method in said.items() if method} <= seen, "give each an example"
    unreachable = contract() - set(said.values())
    assert not unreachable, f"methods without a command: {sorted(unreachable)}"
