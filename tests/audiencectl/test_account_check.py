"""An audience whose account is not linked: made all the same, with a word on what to do next."""

import json
import socket
from pathlib import Path

import pytest

from clients.audiencectl.data_dir import ADDRESSES_FILE
from tests.audiencectl.conftest import Cli

_LINE = "nobody checked whether the account is linked"


def create(cli: Cli, audience: str, *words: str, options: tuple[str, ...] = ()) -> tuple[str, str]:
    """Create an audience in the workspace `linking`; what is on stdout and stderr."""
    ended = cli("--workspace", "linking", *options, "audience", "create", audience, *words)
    assert ended.exit_code == 0, ended.output
    return ended.stdout, ended.stderr


def test_an_account_that_is_not_linked_is_told_with_the_next_step(cli: Cli) -> None:
    out, err = create(cli, "unlinked", "--account", "nobody", "--json")
    name = "workspaces/linking/accounts/nobody"
    assert json.loads(out)["audience"]["account"] == name
    assert f"Warning: {name} is not linked" in err
    assert "audiencectl --workspace linking account connect nobody --provider-account-id" in err
    changed = cli("--workspace", "linking", "audience", "update", "unlinked", "--account", "noone")
    assert changed.exit_code == 0
    assert "accounts/noone is not linked" in changed.stderr


def test_a_linked_account_and_none_at_all_are_no_news(cli: Cli) -> None:
    cli(
        *("--workspace", "linking", "account", "connect", "ada"),
        *("--provider-account-id", "linking-ada", "--strategy", "new"),
    )
    for audience, words in {"linked": ("--account", "ada"), "without": ()}.items():
        out, err = create(cli, audience, *words)
        assert f"audiences/{audience}" in out
        assert err == ""
    changed = cli("--workspace", "linking", "audience", "update", "linked", "--description", "x")
    assert changed.stderr == ""


@pytest.mark.parametrize("silent", [True, False])
def test_a_service_that_does_not_answer_is_one_line(cli: Cli, *, silent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        if not silent:
            server.close()
        options = ("--enrichment", address)
        _, err = create(cli, f"alone-{silent}".lower(), "--account", "x", options=options)
    assert _LINE in err
    assert err.count("\n") == 1


def test_an_address_that_nobody_gave_is_no_failure(cli: Cli, tmp_path: Path) -> None:
    audience = str(json.loads((cli.data_dir / ADDRESSES_FILE).read_text())["audience"])
    options = ("--audience", audience, "--data-dir", str(tmp_path))
    _, err = create(cli, "elsewhere", "--account", "x", options=options)
    assert _LINE in err
    assert err.count("\n") == 1
