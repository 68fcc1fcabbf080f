"""Every command of the documentation works when it is pasted.

Blocks marked `sh` run as they stand, page after page, the README first, against a pair that runs as
`make up` starts it; only ports are those of the test. What needs more than this project brings
(`docker`, `kubectl`, …) stands in blocks marked `console`, which are not run.
"""

import re
from pathlib import Path

import pytest
from audience.v1 import audience_counts_pb2, audiences_pb2, prospects_pb2, suppressions_pb2
from enrichment.v1 import accounts_pb2, enrichments_pb2, events_pb2, view_budgets_pb2

from tests.support.page_commands import ROOT, blocks, make_checkout, run_block
from tests.support.stack_process import running

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Pages whose commands need a set-up of their own, and the test that runs them.
ELSEWHERE: dict[str, str] = {
    "audiencectl.md": "tests/audiencectl/test_examples.py",
    "security.md": "tests/security/test_security_page.py",
}
CONTRACT = (
    *(accounts_pb2, enrichments_pb2, events_pb2, view_budgets_pb2),
    *(audience_counts_pb2, audiences_pb2, prospects_pb2, suppressions_pb2),
)
# Programs that a reader of a `console` block has, and this project does not bring.
EXTERNAL = {"docker", "kubectl", "pg_dump", "pg_restore", "psql", "valkey-cli"}


@pytest.mark.timeout(300)
async def test_commands_work_when_pasted(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "checkout")
    async with running(checkout / ".data") as stack:
        for page in PAGES:
            if page.name not in ELSEWHERE:
                for block in blocks(page, "sh"):
                    await run_block(block, stack, checkout)


def test_what_is_not_run_needs_a_program_that_is_not_ours() -> None:
    for page in PAGES:
        for block in blocks(page, "console"):
            programs = set(re.findall(r"(?:^|[|&] *)([a-z][a-z0-9_-]*)", block.text, re.MULTILINE))
            assert programs & EXTERNAL, (
                f"{block.page}:{block.line}: mark it `sh`, so that it is run"
            )


def test_every_method_has_an_example() -> None:
    text = (ROOT / "docs" / "methods.md").read_text("utf-8")
    missing = [
        f"{service}/{method}"
        for module in CONTRACT
        for service, described in module.DESCRIPTOR.services_by_name.items()
        for method in described.methods_by_name
        if f"{service}/{method} " not in text and not text.count(f".{service}/{method}\n")
    ]
    assert not missing


def test_other_tests_run_what_is_not_run_here() -> None:
    for page, test in ELSEWHERE.items():
        assert (ROOT / "docs" / page).exists()
        assert page in (ROOT / test).read_text("utf-8")
