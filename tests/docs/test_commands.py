"""Every command of the documentation works when it is pasted.

Blocks marked `sh` run as they stand, page after page, the README first, against a pair that runs as
`make up` starts it; only ports are those of the test. What needs more than this project brings
(`docker`, `kubectl`, …) stands in blocks marked `console`, which are not run.
"""

import asyncio
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from audience.v1 import audience_counts_pb2, audiences_pb2, prospects_pb2, suppressions_pb2
from enrichment.v1 import accounts_pb2, enrichments_pb2, events_pb2, view_budgets_pb2

from tests.support.stack_process import RunningStack, running

ROOT = Path(__file__).parents[2]
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
# Last commands of a block that go on until they are interrupted.
_ENDLESS = re.compile(r"(audiencectl .*watch|SubscribeEvents|clients\.campaign_engine).*\Z")
_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Block:
    """Commands of a page that stand together."""

    page: str
    line: int
    text: str


def blocks(page: Path, language: str) -> list[Block]:
    """The blocks of a page in that language."""
    text = page.read_text("utf-8")
    return [
        Block(
            page=page.name, line=text.count("\n", 0, found.start()) + 2, text=found[1].rstrip("\n")
        )
        for found in re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]


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


async def run_block(block: Block, stack: RunningStack, checkout: Path) -> None:
    """Run a block as a reader does who pastes it; AssertionError when it fails."""
    script = _addressed(block.text, stack)
    # Only the last command of a block may be endless.
    lines = script.replace("\\\n", "").split("\n")
    first, last = "\n".join(lines[:-1]), lines[-1]
    endless = _ENDLESS.search(last) is not None and "stop_when_caught_up" not in last
    for commands, ends in ((first, True), (last, False)) if endless else ((script, True),):
        said = await _paste(commands, checkout, ends=ends)
        if said is not None:
            pytest.fail(f"{block.page}:{block.line}:\n{commands}\n{said}")


async def _paste(script: str, checkout: Path, *, ends: bool) -> str | None:
    """None when it works, otherwise what it said."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        cwd=checkout,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    said, works = b"", False
    try:
        async with asyncio.timeout(_SECONDS):
            if not ends:
                # It works if it says something; then it is ended as a reader would end it.
                said = await process.stdout.read(1)
                works = bool(said)
                os.killpg(process.pid, signal.SIGINT)
            said += await process.stdout.read()
            status = await process.wait()
            works = works or (ends and status == 0)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        works, said = False, said + b" (and did not end)"
    return None if works else said.decode(errors="replace")


def _addressed(text: str, stack: RunningStack) -> str:
    for port, address in (
        (50051, stack.audience),
        (50052, stack.enrichment),
        (50053, stack.simulator),
    ):
        text = text.replace(f"127.0.0.1:{port}", address)
    return text


def make_checkout(folder: Path) -> Path:
    """A folder that looks like the project's, with data of its own."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in (".data", ".git", ".venv"):
            (folder / path.name).symlink_to(path)
    binaries = folder / ".venv" / "bin"
    binaries.parent.mkdir()
    binaries.symlink_to(Path(sys.executable).parent)
    return folder
