"""Keeps the work that nobody waits for going, whatever happens to it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from servicekit.errors import ServiceError

_log = structlog.get_logger("background")

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0


class Background:
    """The work that goes on beside the calls, by name, each kept running until closed."""

    def __init__(self, work: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        self._tasks = [
            asyncio.create_task(keep_running(name, each), name=name) for name, each in work.items()
        ]

    async def close(self) -> None:
        """End it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def keep_running(
    name: str, work: Callable[[], Awaitable[None]], *, until_done: bool = False
) -> None:
    """Run ``work`` again after every failure, with growing pauses, until cancelled.

    With ``until_done`` this ends when it returns. Only types of errors are logged: their texts may
    quote a person's data.
    """
    pause = _FIRST_PAUSE
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await work()
            if until_done:
                return
        except Exception as error:
            reason = error.reason if isinstance(error, ServiceError) else ""
            _log.warning(
                "background_work_failed", work=name, error=type(error).__qualname__, reason=reason
            )
            _log.debug("background_work_failed_with", work=name, exc_info=error)
        if asyncio.get_running_loop().time() - started > _LONGEST_PAUSE:
            pause = _FIRST_PAUSE
        await asyncio.sleep(random.uniform(pause / 2, pause))
        pause = min(2 * pause, _LONGEST_PAUSE)
