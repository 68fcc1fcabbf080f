"""What time it is: the shared stepped clock of the stack, or real time."""

import mmap
import struct
import time
from pathlib import Path
from typing import Protocol

_TIME = struct.Struct("<q")


class Clock(Protocol):
    """Tells the calendar time."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        ...


class RealClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return time.time_ns() // 1_000_000


class SteppedClock:
    """A mapped file that others move; it is only read here."""

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            ValueError: the file is not there or is shorter than eight bytes.
        """
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), _TIME.size, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"SIMULATOR_CLOCK_FILE={path} cannot be mapped ({error}): start whatever owns the "
                "stepped clock first, or leave the setting out for real time"
            ) from error

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        now: int = _TIME.unpack_from(self._map)[0]
        return now


def open_clock(path: Path | None) -> Clock:
    """The stepped clock in `path`, or the real one without a path."""
    return RealClock() if path is None else SteppedClock(path)
