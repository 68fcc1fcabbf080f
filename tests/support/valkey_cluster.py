"""A real Valkey Cluster for tests, of the same binary as a single node: three primaries, and
replicas where a test wants a failover.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from tests.support.valkey import HOST, ProcessValkey, free_port

PRIMARIES = 3
_SLOTS = 16384
# A failover within seconds; a busy machine must not bring one about by itself.
_OPTIONS = ("--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0")
_POLL_SECONDS = 0.02
_POLLS = 1500


class ValkeyCluster:
    """Nodes on loopback, each with a folder of its own; they die with the process that starts them.

    The first three are primaries with a third of the slots each. With replicas there are three
    more: node `n + 3` is that of node `n`.
    """

    def __init__(self, folder: Path, *, replicas: bool = False) -> None:
        """Returns when all slots are served and every replica has its primary's data."""
        self.nodes: list[ProcessValkey] = []
        self._bus_ports = [free_port() for _ in range(2 * PRIMARIES if replicas else PRIMARIES)]
        try:
            for number, bus_port in enumerate(self._bus_ports):
                (folder / str(number)).mkdir(parents=True)
                options = ["--cluster-enabled", "yes", "--cluster-port", str(bus_port), *_OPTIONS]
                self.nodes.append(ProcessValkey(folder / str(number), options=options))
            self._form()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The primaries' addresses, separated by commas."""
        return ",".join(node.url for node in self.nodes[:PRIMARIES])

    def ask(self, node: int, *command: str | int) -> Any:
        """The answer of one node, as it is on the wire but for decoded text."""
        with redis.Redis(host=HOST, port=self.nodes[node].port, decode_responses=True) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)

    def owner_of(self, slot: int, *, asked: int = 0) -> int:
        """The number of the node that has a slot, as the node `asked` knows it."""
        for first, last, owner, *_ in self.ask(asked, "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(n for n, node in enumerate(self.nodes) if node.port == int(owner[1]))
        raise LookupError("nobody has the slot")

    def stop(self) -> None:
        """Ends all nodes."""
        for node in self.nodes:
            node.stop()

    def _form(self) -> None:
        bounds = [_SLOTS * number // PRIMARIES for number in range(PRIMARIES + 1)]
        everybody = range(len(self.nodes))
        for number in everybody:
            self.ask(number, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number < PRIMARIES:
                first, last = bounds[number], bounds[number + 1] - 1
                self.ask(number, "CLUSTER", "ADDSLOTSRANGE", first, last)
            if number > 0:
                self.ask(number, "CLUSTER", "MEET", HOST, self.nodes[0].port, self._bus_ports[0])
        wait_until(lambda: all(self._knows_all(number) for number in everybody))
        for number in range(PRIMARIES, len(self.nodes)):
            primary = self.ask(number - PRIMARIES, "CLUSTER", "MYID")
            self.ask(number, "CLUSTER", "REPLICATE", primary)
        wait_until(lambda: all(self._is_ready(number) for number in everybody))

    def _knows_all(self, number: int) -> bool:
        return f"cluster_known_nodes:{len(self.nodes)}" in self.ask(number, "CLUSTER", "INFO")

    def _is_ready(self, number: int) -> bool:
        if "cluster_state:ok" not in self.ask(number, "CLUSTER", "INFO"):
            return False
        listed = sum(len(shard) - 2 for shard in self.ask(number, "CLUSTER", "SLOTS"))
        role = self.ask(number, "ROLE")
        return listed == len(self.nodes) and (role[0] == "master" or role[3] == "connected")


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits for a condition of other processes; TimeoutError after half a minute."""
    for _ in range(_POLLS):
        if condition():
            return
        threading.Event().wait(_POLL_SECONDS)
    raise TimeoutError("the condition was not met")
