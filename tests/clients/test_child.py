"""A process of the stack: started, started again when it dies, ended, never left behind."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.audiencectl.child import Child, StackError
from tests.support.waiting import is_running, until

# Says that it serves by a file, and ends with 0 on SIGTERM.
SERVER = """
import os, pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
while True:
    signal.pause()
"""


def make_child(
    directory: Path, script: str = SERVER, *, restarted: Callable[[], None] = lambda: None
) -> Child:
    ready = directory / "ready"

    async def serves() -> bool:
        return ready.exists()

    return Child(
        "probe",
        [sys.executable, "-I", "-c", script, str(ready)],
        environment=dict(os.environ),
        log=directory / "logs" / "probe.log",
        probe=serves,
        restarted=restarted,
    )


async def test_it_is_up_when_start_returns_and_gone_after_stop(tmp_path: Path) -> None:
    child = make_child(tmp_path)
    await child.start()
    pid = child.pid
    assert pid is not None
    assert is_running(pid)
    await child.stop()
    assert not is_running(pid)
    assert child.pid is None


async def test_one_that_ends_at_once_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = make_child(tmp_path, "import sys; sys.exit('PORT: is taken')")
    with pytest.raises(StackError, match="PORT: is taken"):
        await child.start()


async def test_a_killed_one_is_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = asyncio.Event()
    child = make_child(tmp_path, restarted=again.set)
    await child.start()
    keeper = asyncio.create_task(child.keep())
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await asyncio.wait_for(again.wait(), 10)
    assert child.pid not in (None, first)
    keeper.cancel()
    await asyncio.wait([keeper])
    await child.stop()
    assert "probe ended with SIGKILL, starting it again" in capsys.readouterr().err


async def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed and can tidy up nothing; the child goes with it."""
    parent = f"""
import asyncio, pathlib
from tests.clients.test_child import make_child
async def main():
    await make_child(pathlib.Path({str(tmp_path)!r})).start()
    await asyncio.Event().wait()
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent)
    ready = tmp_path / "ready"
    await until(lambda: ready.exists() and bool(ready.read_text()), "the child is up")
    child = int(ready.read_text())
    assert is_running(child)
    process.kill()
    await process.wait()
    await until(lambda: not is_running(child), "the child is gone")
