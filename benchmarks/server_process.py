"""Servers for benchmarks, each in a process of its own that says where it listens."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server."""

    address: str
    pid: int

    def cpu_seconds(self) -> float:
        """The processor's time that it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def server_process(
    command: Sequence[str], environment: Mapping[str, str], *, core: int | None = None
) -> Iterator[Server]:
    """Run a command that prints {"address":"host:port"} as its first line when it listens.

    ``environment`` is added to this process's own; without ``core`` it runs on any.
    """
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        assert process.stdout is not None
        yield Server(address=json.loads(process.stdout.readline())["address"], pid=process.pid)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def pinned_server(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Server]:
    """As ``server_process``, on the first core, and this process on the last one meanwhile."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    try:
        with server_process(command, environment, core=cores[0]) as server:
            yield server
    finally:
        os.sched_setaffinity(0, cores)
