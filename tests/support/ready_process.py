"""One of our programs in a process of its own, for tests that kill it or stand outside of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self


class ReadyProcess:
    """Started and listening; ended, if it still runs, when the block is left."""

    def __init__(self, module: str, environment: dict[str, str]) -> None:
        """Start `python -m module` and wait for its ready line; RuntimeError with its log if none.

        `environment` is added to this process's own.
        """
        # A pipe that nobody reads would stop a process that logs much.
        self._folder = TemporaryDirectory()
        self._log = Path(self._folder.name) / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module],
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.communicate()
            said = self.log
            self._folder.cleanup()
            raise RuntimeError(f"{module} did not start: {said}")
        self.address: str = json.loads(line)["address"]
        self.output = ""
        """What it wrote to stdout after the ready line, once SIGTERM has ended it."""

    @property
    def log(self) -> str:
        """What it has written to stderr so far."""
        return self._log.read_text()

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()
        self.process.communicate()

    def terminate(self) -> int:
        """End it by SIGTERM; its exit status."""
        self.process.terminate()
        self.output, _ = self.process.communicate(timeout=30)
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.kill()
        self._folder.cleanup()
