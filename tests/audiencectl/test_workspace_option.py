"""`--workspace` and a full name: they agree, or nothing is done."""

import pytest

from tests.audiencectl.conftest import Cli

_OTHER = "workspaces/here"
_NAMING_ONE = [
    f"account get {_OTHER}/accounts/ada",
    f"audience get {_OTHER}/audiences/people",
    f"audience create people --account {_OTHER}/accounts/ada",
    f"audience combine all union people {_OTHER}/audiences/people",
    f"audience add people {_OTHER}/prospects/abcdefgh",
    f"enrichment get {_OTHER}/enrichments/people",
    f"enrichment explain people --profile {_OTHER}/profiles/abcdefgh",
    f"prospect get {_OTHER}/prospects/abcdefgh",
    f"budget get {_OTHER}/accounts/ada",
    f"budget forecast {_OTHER}/accounts/ada",
    f"budget release {_OTHER}/accounts/ada/viewReservations/abcdefgh",
    f"event list --account {_OTHER}/accounts/ada",
    f"export {_OTHER}/audiences/people --out people.csv",
]


@pytest.fixture
def ada(cli: Cli) -> str:
    """The full name of an account in the workspace `here`."""
    cli(
        *("--workspace", "here", "account", "connect", "ada"),
        *("--provider-account-id", "here-ada", "--strategy", "new"),
    )
    return f"{_OTHER}/accounts/ada"


@pytest.mark.parametrize("words", _NAMING_ONE)
def test_a_name_of_another_workspace_is_wrong_usage(cli: Cli, words: str) -> None:
    ended = cli("--workspace", "there", *words.split())
    assert ended.exit_code == 2, ended.output
    assert f"{_OTHER}/" in ended.stderr
    assert "is in the workspace here, but --workspace" in ended.stderr
    assert "says there." in ended.stderr
    assert not ended.stdout


def test_the_setting_counts_as_given(cli: Cli, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIENCECTL_WORKSPACE", "there")
    ended = cli("account", "get", ada)
    assert ended.exit_code == 2
    assert "says there." in ended.stderr
    assert cli("--workspace", "here", "account", "get", ada).exit_code == 0
    monkeypatch.setenv("AUDIENCECTL_WORKSPACE", "here")
    assert cli("account", "get", ada).exit_code == 0


def test_the_default_is_no_word_against_a_full_name(cli: Cli, ada: str) -> None:
    assert cli("account", "get", ada).exit_code == 0
