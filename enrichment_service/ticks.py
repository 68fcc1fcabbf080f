"""The tick engine: claims due accounts and views their profiles, a few at a time.

Any number of processes run it side by side; leases in the store keep an account with one of them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog

from enrichment_service.person_keys import PersonKeys
from enrichment_service.ports import (
    PARTITIONS,
    ProfileSource,
    RefusedError,
    StorePort,
    TickObserver,
)
from enrichment_service.provider_alarm import ProviderAlarm
from enrichment_service.tick import Gaps, Tick
from servicekit.clock import Clock, SteppedClock
from servicekit.errors import ServiceError

_log = structlog.get_logger("ticks")

Wake = Callable[[], None]
"""Tells the engine of this process that there may be work."""

LEASE_MS = 15_000
"""A worker that is silent for so long, in real time, loses its accounts."""
HALT_SECONDS = 60.0
"""How long nothing is fetched after the provider refused our own API key."""
_IDLE_SECONDS = 1.0
_STEPPED_IDLE_SECONDS = 0.02


class TickEngine:
    """Works due accounts until told to stop."""

    def __init__(
        self,
        *,
        store: StorePort,
        source: ProfileSource,
        keys: PersonKeys,
        clock: Clock,
        gaps: Gaps,
        deadline_seconds: float,
        accounts_side_by_side: int,
        halt_seconds: float = HALT_SECONDS,
        lease_ms: int = LEASE_MS,
        observer: TickObserver | None = None,
    ) -> None:
        """`deadline_seconds` bounds one view; `accounts_side_by_side` the ticks at a time.

        `halt_seconds` is how long nothing is fetched after our own API key was refused; `lease_ms`
        how long a silent worker keeps its accounts. Both in real time.
        """
        self._store = store
        self._source = source
        self._keys = keys
        self._clock = clock
        self._gaps = gaps
        self._deadline_seconds = deadline_seconds
        self._slots = accounts_side_by_side
        self._lease_ms = lease_ms
        self._observer = observer or TickObserver()
        self._ticks: set[asyncio.Task[None]] = set()
        self._sweeps: dict[int, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._alarm = ProviderAlarm(halt_seconds=halt_seconds)
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to work in the background."""
        self._loop = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Something was submitted or resumed here: look at once."""
        self._woken.set()

    async def drain(self) -> None:
        """Claims nothing more; views under way are finished and their accounts handed back."""
        self._stopping.set()
        self._woken.set()
        if self._loop is not None:
            await self._loop
        await asyncio.gather(*self._ticks, *self._sweeps.values())

    async def close(self) -> None:
        """Ends at once what `drain` had no time for; leases then run out by themselves."""
        self._stopping.set()
        tasks = (*self._ticks, *self._sweeps.values())
        for task in (*tasks, *([self._loop] if self._loop else [])):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._loop is not None:
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                wait = await self._round()
            except (ServiceError, RefusedError) as error:
                _log.warning("round_failed", reason=error.reason)
                wait = _IDLE_SECONDS
            except Exception:
                # The engine outlives whatever one round ran into; the log has the cause.
                _log.exception("round_failed")
                wait = _IDLE_SECONDS
            if wait > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._woken.wait()

    async def _round(self) -> float:
        """Claims what is due; seconds to wait until the next look."""
        if halted := self._alarm.seconds_left:
            return min(_IDLE_SECONDS, halted)
        if self._alarm.in_doubt:
            # One after the other, so that one account tries the key before all follow.
            looks = [await self._claim(partition) for partition in range(PARTITIONS)]
        else:
            looks = await asyncio.gather(*map(self._claim, range(PARTITIONS)))
        if any("claimed" in look for look in looks):
            return 0.0
        due = min((int(look["due"]) for look in looks if "due" in look), default=None)
        now_ms = max(int(look["now"]) for look in looks)
        if isinstance(self._clock, SteppedClock):
            idle = not self._ticks and not any(look["open"] for look in looks)
            if idle and due is not None and due > now_ms and not self._stopping.is_set():
                self._clock.advance_to(due)
                return 0.0
            return _STEPPED_IDLE_SECONDS
        if due is None or self._is_full():
            return _IDLE_SECONDS
        return min(_IDLE_SECONDS, max(0.0, (due - now_ms) / 1000))

    async def _claim(self, partition: int) -> Mapping[str, Any]:
        look: Mapping[str, Any] = await self._store.call(
            partition,
            "claim_tick",
            {"lease_ms": self._lease_ms, "but_not": self._is_full() or None},
        )
        if look["sweep"] and partition not in self._sweeps:
            sweep = asyncio.create_task(self._sweep(partition))
            self._sweeps[partition] = sweep
            sweep.add_done_callback(partial(self._swept, partition))
        if "claimed" in look:
            tick = Tick(
                store=self._store,
                source=self._source,
                gaps=self._gaps,
                deadline_seconds=self._deadline_seconds,
                lease_ms=self._lease_ms,
                stopping=self._stopping,
                alarm=self._alarm,
                keys=self._keys,
                partition=partition,
                claimed=look["claimed"] | {"now": look["now"]},
            )
            task = asyncio.create_task(self._work(tick, late_ms=int(look["claimed"]["late_ms"])))
            self._ticks.add(task)
            task.add_done_callback(self._done)
        return look

    async def _work(self, tick: Tick, *, late_ms: int) -> None:
        with self._observer.tick(late_ms=late_ms):
            await tick.run()

    def _is_full(self) -> bool:
        return len(self._ticks) >= (1 if self._alarm.in_doubt else self._slots)

    async def _sweep(self, partition: int) -> None:
        """Tidies up behind cancelled enrichments, a little at a time between other calls."""
        more = True
        while more and not self._stopping.is_set():
            more = bool((await self._store.call(partition, "sweep_cancelled", {}))["more"])

    def _swept(self, partition: int, task: asyncio.Task[None]) -> None:
        del self._sweeps[partition]
        if not task.cancelled() and task.exception() is not None:
            # The next round finds what is left.
            _log.warning("sweep_failed", exc_info=task.exception())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._ticks.discard(task)
        self._woken.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("tick_failed", exc_info=task.exception())
