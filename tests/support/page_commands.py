"""The commands of a page, run as a reader runs them who pastes them."""

import asyncio
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.stack_process import RunningStack

ROOT = Path(__file__).parents[2]

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
