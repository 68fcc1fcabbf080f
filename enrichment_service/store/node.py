"""One node of the store: whether it is fit for the service, and calls of functions on it."""

import asyncio

from enrichment_service.store.connection import ReplyError, StoreConnection
from enrichment_service.store.library import library
from enrichment_service.store.replication import ReplicaGuard, Replication, look_at_replication
from servicekit.settings import ConfigurationError

# What the promises need of the store, and why.
_NEEDED = {
    "appendonly": ("yes", "a restart would forget views"),
    "appendfsync": ("always", "a crash would forget the last second's views"),
    "maxmemory-policy": ("noeviction", "counters would be evicted"),
}

# How often a node without replicas is asked whether it has got some.
_LOOK_SECONDS = 5.0


class Node:
    """A node at an address (host:port), for as long as its connection lasts."""

    def __init__(self, *, address: str, url: str, connection: StoreConnection) -> None:
        self.address = address
        self.url = url
        self.connection = connection
        self.replication: Replication | None = None
        """What it said of itself at the last look."""
        self._guard: ReplicaGuard | None = None
        self._looked = -_LOOK_SECONDS

    async def look_at_replication(self) -> None:
        """Asks the node what it is as a primary; NotReachedError while it is a replica."""
        self._looked = asyncio.get_running_loop().time()
        self.replication = await look_at_replication(self.connection)
        if self.replication.replicas and self._guard is None:
            self._guard = ReplicaGuard(self.connection)

    async def guard(self) -> ReplicaGuard | None:
        """What waits for the node's replicas; None when it has none.

        Once it has had one, permits need one for as long as the connection lasts.
        """
        if self._guard is None and (
            asyncio.get_running_loop().time() - self._looked > _LOOK_SECONDS
        ):
            await self.look_at_replication()
        return self._guard

    async def check_settings(self) -> None:
        """ConfigurationError when the node has not what the promises need, or does not show it."""
        for name, (wanted, why) in _NEEDED.items():
            try:
                answer = await self.connection.call("CONFIG", "GET", name)
            except ReplyError as error:
                raise ConfigurationError(
                    f"ENRICHMENT_STORE_URL: {self.address} does not show its settings ({error}). "
                    f"If {name} is {wanted} there, set ENRICHMENT_STORE_ATTESTED=true."
                ) from error
            value = answer[1].decode() if isinstance(answer, list) and len(answer) > 1 else ""
            if value != wanted:
                raise ConfigurationError(
                    f"ENRICHMENT_STORE_URL: {self.address} has {name}={value}; set {name} "
                    f"{wanted}, or {why}."
                )

    async def load_library(self) -> None:
        """Loads the functions of this version, unless they are there."""
        try:
            await self.connection.call("FUNCTION", "LOAD", library().text)
        except ReplyError as error:
            if "already exists" not in str(error):
                raise

    async def function(self, name: str, key: str, body: bytes) -> bytes:
        """The answer of a function of this version; a library that is not there is loaded."""
        arguments = ("FCALL", f"{name}_{library().version}", 1, key, body)
        try:
            answer = await self.connection.call(*arguments)
        except ReplyError as error:
            if "Function not found" not in str(error):
                raise
            await self.load_library()
            answer = await self.connection.call(*arguments)
        assert isinstance(answer, bytes)
        return answer


async def connect(*, address: str, url: str) -> Node:
    """A node that answers at `url`; NotReachedError when none does."""
    return Node(address=address, url=url, connection=await StoreConnection.open(url))
