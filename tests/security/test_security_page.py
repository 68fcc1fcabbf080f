"""The page security.md: its scopes are those of the access tables, its commands work."""

from collections import defaultdict
from pathlib import Path

import pytest

from clients.audiencectl.scopes import ALL_SCOPES
from tests.security.methods import TABLES
from tests.support.page_commands import ROOT, blocks, make_checkout, run_block
from tests.support.stack_process import running

PAGE = ROOT / "docs" / "security.md"


def _rows() -> list[str]:
    methods: defaultdict[str, list[str]] = defaultdict(list)
    for table in TABLES.values():
        for name, rule in table.items():
            assert rule.scope
            methods[rule.scope].append(name.rpartition("/")[2])
    return [f"| `{scope}` | {', '.join(names)} |" for scope, names in sorted(methods.items())]


def test_scopes_are_those_of_the_tables() -> None:
    text = PAGE.read_text("utf-8")
    missing = [row for row in _rows() if row not in text]
    assert not missing, "put these lines into docs/security.md:\n" + "\n".join(_rows())
    listed = [line for line in text.splitlines() if line.startswith("| `") and "." in line[:25]]
    assert len([line for line in listed if line in _rows()]) == len(_rows())


def test_the_command_line_knows_all_scopes() -> None:
    assert set(ALL_SCOPES) == {rule.scope for table in TABLES.values() for rule in table.values()}


@pytest.mark.timeout(180)
async def test_commands_work_when_pasted(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "checkout")
    async with running(checkout / ".data", "--secured") as stack:
        for block in blocks(PAGE, "sh"):
            await run_block(block, stack, checkout)
