"""Wakes those who wait for something to change, within one process."""

import asyncio
from collections import defaultdict
from collections.abc import Hashable


class Signals:
    """One wake-up call a key. Whoever waits also polls: other processes change things too."""

    def __init__(self) -> None:
        self._waiting: defaultdict[Hashable, set[asyncio.Event]] = defaultdict(set)

    def send(self, key: Hashable) -> None:
        """Wake everybody who waits for ``key``."""
        for event in self._waiting.get(key, ()):
            event.set()

    def listen(self, key: Hashable, *, wake: "Listener | None" = None) -> "Listener":
        """Begin to listen; what is sent from now on is not missed.

        ``wake`` is another listener, to be woken instead of this one.
        """
        return Listener(self._waiting, key, wake)


class Listener:
    """Listens to one key until it is left (``with``)."""

    def __init__(
        self,
        waiting: defaultdict[Hashable, set[asyncio.Event]],
        key: Hashable,
        wake: "Listener | None",
    ) -> None:
        self._waiting = waiting
        self._key = key
        self._event: asyncio.Event = wake._event if wake else asyncio.Event()

    def __enter__(self) -> "Listener":
        self._waiting[self._key].add(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting[self._key].discard(self._event)
        if not self._waiting[self._key]:
            del self._waiting[self._key]

    async def wait(self, *, at_most: float) -> None:
        """Wait for the next signal since the last wait, or ``at_most`` seconds."""
        try:
            async with asyncio.timeout(at_most):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()
