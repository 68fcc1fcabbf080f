"""Waiting for conditions, and whether a process runs."""

import asyncio
from collections.abc import Callable
from pathlib import Path

_SECONDS = 20.0


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until the condition holds; AssertionError with ``what`` when it does not in time."""
    try:
        async with asyncio.timeout(_SECONDS):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {_SECONDS:.0f} s: {what}") from None


def is_running(pid: int) -> bool:
    """Whether the process lives; one that has ended and waits to be collected does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")
