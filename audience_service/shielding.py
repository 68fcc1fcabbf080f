"""Work that must not be cut short when the caller who waits for it is cancelled."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


def _nothing() -> None:
    return


async def to_its_end(
    work: Coroutine[Any, Any, ResultT], *, when_cancelled: Callable[[], None] = _nothing
) -> ResultT:
    """Await ``work`` to its end even when cancelled; the caller still learns of it afterwards.

    ``when_cancelled`` is called at once, to make the work end early in a way of its own.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        when_cancelled()
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                # Cancelled once more: the work still has to end, and it is short.
                continue
        if not task.cancelled():
            # Looked at, or asyncio would report an error that nobody waits for any more.
            task.exception()
        raise
