"""What bash offers, by the script that --show-completion prints."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.audiencectl.conftest import Cli

_SET_UP = 'eval "$(audiencectl --show-completion)"\n'
_COMPLETE = """
COMP_WORDS=({line})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_audiencectl_completion audiencectl
echo "${{COMPREPLY[@]}}"
"""
_OFFERED = {
    "audiencectl account re": "reconnect",
    "audiencectl --workspace completed account get cha": "charles charlotte",
    "audiencectl --workspace completed audience create a --account cha": "charles charlotte",
    "audiencectl --workspace completed audience get peo": "people",
    "audiencectl --workspace elsewhere account get cha": "",
    "audiencectl event list --type account-c": "account-connected",
    "audiencectl --enrichment 127.0.0.1:1 account get cha": "",
}


def test_bash_completes(cli: Cli) -> None:
    for account in ("charles", "charlotte"):
        cli(
            *("--workspace", "completed", "account", "connect", account),
            *("--provider-account-id", account, "--strategy", "new"),
        )
    cli("--workspace", "completed", "audience", "create", "people")
    assert offered(_OFFERED, data_dir=cli.data_dir) == _OFFERED


def test_nothing_is_offered_and_nothing_said_without_a_stack(tmp_path: Path) -> None:
    line = "audiencectl account get cha"
    assert offered([line], data_dir=tmp_path) == {line: ""}


def offered(lines: Iterable[str], *, data_dir: Path) -> dict[str, str]:
    """What bash offers for the last word of each line."""
    script = _SET_UP + "".join(_COMPLETE.format(line=line) for line in lines)
    ended = subprocess.run(
        ["bash", "-c", script],
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AUDIENCECTL_DATA_DIR": str(data_dir),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    return dict(zip(lines, ended.stdout.splitlines(), strict=True))
