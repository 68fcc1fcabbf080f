"""One process of the embedded stack: started, watched, started again when it dies, ended."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from clients.backoff import Backoff

_LAUNCH = Path(__file__).with_name("launch.py")
_START_SECONDS: Final = 30.0
# The services give calls under way 10 s to end.
_STOP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.05
_STEADY_SECONDS: Final = 30.0
_SHOWN_LOG_LINES: Final = 5

Probe = Callable[[], Awaitable[bool]]


class StackError(Exception):
    """The stack cannot run like this; the text says what to do."""


class Child:
    """A process that is kept running. It dies with this one, however this one ends."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        probe: Probe,
        restarted: Callable[[], None],
    ) -> None:
        """``probe`` tells whether it serves; ``restarted`` is called when it serves again."""
        self.name = name
        self._command = list(command)
        self._environment = dict(environment)
        self._log = log
        self._probe = probe
        self._restarted = restarted
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start it and wait until it serves; StackError with the end of its log otherwise."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                str(_LAUNCH),
                str(os.getpid()),
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for this process, which ends the others in order.
                start_new_session=True,
            )
        process = self._process
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._serving_or_ended(process)
        except TimeoutError:
            raise StackError(
                f"{self.name} does not answer after {_START_SECONDS:.0f} s. {self._last_words()}"
            ) from None
        if process.returncode is not None:
            raise StackError(
                f"{self.name} ended at once with status {process.returncode}. {self._last_words()}"
            )

    async def _serving_or_ended(self, process: asyncio.subprocess.Process) -> None:
        while process.returncode is None:
            if await self._probe():
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def keep(self) -> None:
        """Start it again whenever it dies, until cancelled."""
        backoff = Backoff(first=0.2)
        loop = asyncio.get_running_loop()
        while True:
            since = loop.time()
            if self._process is not None:
                status = await self._process.wait()
                _tell(f"{self.name} ended with {_in_words(status)}, starting it again")
            if loop.time() - since > _STEADY_SECONDS:
                backoff.reset()
            await asyncio.sleep(backoff.next_pause())
            try:
                await self.start()
            except StackError as error:
                _tell(str(error))
                await self.stop()
            else:
                _tell(f"{self.name} serves again")
                self._restarted()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when that is not enough."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            _tell(f"{self.name} does not end within {_STOP_SECONDS:.0f} s, killing it")
            process.kill()
            await process.wait()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-_SHOWN_LOG_LINES:]
        return "\n".join([f"The end of {self._log}:", *lines])


def _in_words(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def _tell(text: str) -> None:
    sys.stderr.write(f"audiencectl: {text}\n")
    sys.stderr.flush()
