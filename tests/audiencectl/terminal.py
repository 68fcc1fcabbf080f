"""audiencectl in a terminal of its own: what it draws, and how it leaves the terminal."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

_SECONDS = 30.0


class Terminal:
    """The end of the terminal that a person sits at."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self.process = process
        self.drawn = ""

    def until(self, seen: Callable[[str], bool], what: str) -> str:
        """Read until what was drawn since the last call is as wanted; gives it."""
        start = len(self.drawn)
        deadline = time.monotonic() + _SECONDS
        while not seen(self.drawn[start:]):
            if time.monotonic() > deadline:
                raise AssertionError(f"not drawn: {what}\n{self.drawn[start:]}")
            self._read()
        return self.drawn[start:]

    def resize(self, *, rows: int, columns: int) -> None:
        """Change the size of the window."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._master, keys)

    def end(self) -> int:
        """Read on until the process has ended; its exit status."""
        while self.process.poll() is None:
            self._read()
        while self._read():
            pass
        return self.process.returncode

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], 0.05)
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            # What Linux says when the other end is closed.
            return False
        self.drawn += data.decode(errors="replace")
        return bool(data)


@contextmanager
def terminal(*words: str, rows: int = 24, columns: int = 100) -> Generator[Terminal]:
    """audiencectl with these words as the only program of a terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    before = termios.tcgetattr(slave)
    environment = {key: each for key, each in os.environ.items() if key not in ("LINES", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "clients.audiencectl", *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**environment, "TERM": "xterm-256color"},
        start_new_session=True,
        preexec_fn=_own_the_terminal,
    )
    try:
        yield Terminal(master, process)
        assert termios.tcgetattr(slave) == before, "the terminal is not as it was"
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(slave)
        os.close(master)


def _own_the_terminal() -> None:
    """So that Ctrl-C becomes SIGINT."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
