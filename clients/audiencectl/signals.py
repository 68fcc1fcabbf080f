"""Work that a signal may end at any time."""

import asyncio
import signal
from collections.abc import Coroutine


async def run_until_signal(work: Coroutine[None, None, None]) -> None:
    """Run ``work`` to its end; SIGTERM and SIGINT cancel it, and count as an ordinary end."""
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
