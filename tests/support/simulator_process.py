"""A simulator in a process of its own, as everything outside the simulator's own tests meets it."""

from pathlib import Path

from tests.support.ready_process import ReadyProcess

KEY = "simulator-key"


class SimulatorProcess(ReadyProcess):
    """The simulator on a data folder."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """`settings` are variables without their prefix."""
        variables = {f"SIMULATOR_{name.upper()}": value for name, value in settings.items()}
        super().__init__("linkedin_simulator", {"SIMULATOR_DATA_DIR": str(folder), **variables})

    @property
    def url(self) -> str:
        """Where it listens, as a URL without a path."""
        return f"http://{self.address}"
