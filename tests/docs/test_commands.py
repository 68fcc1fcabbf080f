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

from tests.clients.stack_process import RunningStack, running

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Pages whose commands need a set-up of their own, and the test that runs them.
ELSEWHERE: dict[str, str] = {"audiencectl.md": "tests/audiencectl/test_examples.py"}
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
    checkout = _checkout(tmp_path / "checkout")
    async with running(checkout / ".data") as stack:
        for page in PAGES:
            if page.name not in ELSEWHERE:
                for block in blocks(page, "sh"):
                    await _run(block, stack, checkout)


def test_what_is_not_run_needs_a_program_that_is_not_ours() -> None:
    for page in PAGES:
        for block in blocks(page, "console"):
            programs = set(re.findall(r"(?:^|[|&] *)([a-z][a-z0-9_-]*)", block.text, re.MULTILINE))
            assert programs & EXTERNAL, (
                f"{block.page}:{block.line}: mark it `sh`, so that it is run"
            )


def test_other_tests_run_what_is_not_run_here() -> None:
    for page, test in ELSEWHERE.items():
        assert (ROOT / "docs" / page).exists()
        assert page in (ROOT / test).read_text("utf-8")


async def _run(block: Block, stack: RunningStack, checkout: Path) -> None:
    script = _addressed(block.text, stack)
    endless = _ENDLESS.search(script) is not None and "stop_when_caught_up" not in script
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
    said = b""
    try:
        async with asyncio.timeout(_SECONDS):
            if endless:
                # It works if it says something; then it is ended as a reader would end it.
                said = await process.stdout.read(1)
                os.killpg(process.pid, signal.SIGINT)
            said += await process.stdout.read()
            status = await process.wait()
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"{block.page}:{block.line} does not end:\n{script}\n{said.decode()}")
    where = f"{block.page}:{block.line}:\n{script}\n{said.decode()}"
    assert said if endless else status == 0, where


def _addressed(text: str, stack: RunningStack) -> str:
    for port, address in (
        (50051, stack.audience),
        (50052, stack.enrichment),
        (50053, stack.simulator),
    ):
        text = text.replace(f"127.0.0.1:{port}", address)
    return text


def _checkout(folder: Path) -> Path:
    """A folder that looks like the project's, with data of its own."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in (".data", ".git", ".venv"):
            (folder / path.name).symlink_to(path)
    binaries = folder / ".venv" / "bin"
    binaries.parent.mkdir()
    binaries.symlink_to(Path(sys.executable).parent)
    return folder
