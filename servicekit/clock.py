"""The calendar clock: which day it is, what is due, what is fresh. Never for leases or deadlines.

In production the store's own clock decides inside its scripts, so hosts with wrong clocks cannot
disagree. In tests and the demo every process shares one number, the stepped clock.
"""

import fcntl
import mmap
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

_BYTES = 8


class Clock(Protocol):
    """What a service may ask about calendar time."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC, for decisions inside this process."""
        ...

    def store_now(self) -> str:
        """The ``now_ms`` argument of a store script; empty means the store's own time."""
        ...


class SystemClock:
    """Production: the wall clock here, the store's own clock in scripts."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def store_now(self) -> str:
        return ""


class SteppedClock:
    """One number that every process of a stack shares through a mapped file; it never moves back.

    The file holds one little-endian int64: milliseconds since the epoch.
    """

    def __init__(self, path: Path) -> None:
        """Open an existing clock; FileNotFoundError when nobody has created it."""
        if sys.byteorder != "little":
            raise RuntimeError("A stepped clock needs a little-endian machine.")
        self._path = path
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _BYTES)
        # One aligned 64-bit word is read and written as a whole: no reader sees half a number.
        self._word = memoryview(self._map).cast("q")

    @classmethod
    def create(cls, path: Path, start_ms: int) -> "SteppedClock":
        """Create the clock at ``start_ms``; an existing one is kept as it is."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(start_ms.to_bytes(_BYTES, "little", signed=True))
            # A link appears whole or not at all, and only one of several creators wins.
            os.link(draft, path)
        except FileExistsError:
            return cls(path)
        finally:
            Path(draft).unlink()
        return cls(path)

    def now_ms(self) -> int:
        return int(self._word[0])

    def store_now(self) -> str:
        return str(self.now_ms())

    def advance_to(self, ms: int) -> int:
        """Move forward to ``ms`` if that is later; returns the time now, in milliseconds."""
        with self._path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._word[0] = max(self.now_ms(), ms)
            return self.now_ms()

    def advance_by(self, ms: int) -> int:
        """Move forward by ``ms`` milliseconds (not negative); returns the time now."""
        if ms < 0:
            raise ValueError("The clock never moves back: give zero or more milliseconds.")
        with self._path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._word[0] = self.now_ms() + ms
            return self.now_ms()

    def close(self) -> None:
        """Release the mapping; the file stays."""
        self._word.release()
        self._map.close()


def open_clock(path: Path | None) -> Clock:
    """The stepped clock at ``path``, or the system's when there is none."""
    return SystemClock() if path is None else SteppedClock(path)
