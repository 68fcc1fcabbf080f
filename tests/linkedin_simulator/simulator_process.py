"""A simulator in a process of its own, as everything outside the simulator's own tests meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

KEY = "simulator-key"


class SimulatorProcess:
    """Starts the simulator on a data folder; ended, if it still runs, when the block is left."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """Start it and wait until it listens; `settings` are variables without their prefix."""
        variables = {f"SIMULATOR_{name.upper()}": value for name, value in settings.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "linkedin_simulator"],
            env={**os.environ, "SIMULATOR_DATA_DIR": str(folder), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulator did not start: {self.process.communicate()[1]}")
        self.address: str = json.loads(line)["address"]

    @property
    def url(self) -> str:
        """Where it listens, as a URL without a path."""
        return f"http://{self.address}"

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()
        self.process.communicate()

    def terminate(self) -> tuple[int, str, str]:
        """End it by SIGTERM; its exit status and what else it wrote to stdout and stderr."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    def __enter__(self) -> Self:
        """Nothing but itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        if self.process.poll() is None:
            self.kill()
