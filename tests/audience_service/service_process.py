"""The audience service in a process of its own, for tests that kill it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self


class ServiceProcess:
    """Starts the service on a database; ended, if it still runs, when the block is left."""

    def __init__(self, database_url: str, *, log: Path, **settings: str) -> None:
        """Start it and wait until it listens; `settings` are variables without their prefix."""
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "audience_service"],
            env={
                **os.environ,
                "AUDIENCE_DATABASE_URL": database_url,
                "AUDIENCE_ENRICHMENT_ADDRESS": "127.0.0.1:1",
                "AUDIENCE_ERASURE_KEY": "a secret of the tests",
                **{f"AUDIENCE_{name.upper()}": value for name, value in settings.items()},
            },
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"it did not start; see {self._log.name}")
        self.address: str = json.loads(line)["address"]

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()
        self.process.communicate()

    def terminate(self) -> int:
        """End it by SIGTERM; its exit status."""
        self.process.terminate()
        self.process.communicate(timeout=30)
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
        self._log.close()
