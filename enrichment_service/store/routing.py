"""Which node has which partition: one table for one node and for a Cluster alike."""

import asyncio
import binascii
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import structlog

from enrichment_service.ports import PARTITIONS
from enrichment_service.store.connection import NotReachedError, OutcomeUnknownError, ReplyError
from enrichment_service.store.node import Node, connect
from enrichment_service.store.partitions import hash_tag
from servicekit.settings import ConfigurationError

_log = structlog.get_logger("store")

_SLOTS = 16384
_PAUSE_SECONDS = 0.1

Prepare = Callable[[Node, Sequence[int]], Awaitable[None]]
"""Called with a node and the partitions that it has newly got, before it gets calls for them."""


class Layout(NamedTuple):
    """Addresses (host:port) by partition, None where nobody has it, and those of all replicas."""

    owners: list[str | None]
    replicas: list[str]


def partition_slot(partition: int) -> int:
    """The slot of a partition's hash tag (Cluster specification: CRC-16/XMODEM)."""
    return binascii.crc_hqx(hash_tag(partition).encode(), 0) % _SLOTS


class Router:
    """Finds the node of a partition, and finds it anew when it has changed."""

    def __init__(self, url: str, *, prepare: Prepare) -> None:
        """`url` may name several nodes of a Cluster, separated by commas."""
        self._urls = [part.strip() for part in url.split(",") if part.strip()]
        self._addresses = [urlsplit(part).netloc.rpartition("@")[2] for part in self._urls]
        self._prepare = prepare
        self._nodes: dict[str, Node] = {}
        self._table: list[Node | None] = [None] * PARTITIONS
        self._refreshing = asyncio.Lock()
        self._not_before = 0.0
        self.replicas: list[str] = []
        """Addresses of a Cluster's replicas."""
        self.clustered = False

    async def node_of(self, partition: int) -> Node:
        """The connected node of a partition; NotReachedError while there is none."""
        node = self._table[partition]
        if node is not None and not node.connection.lost:
            return node
        async with self._refreshing:
            node = self._table[partition]
            if node is None or node.connection.lost:
                await self._refresh()
                node = self._table[partition]
        if node is None or node.connection.lost:
            raise NotReachedError("no node has the partition")
        return node

    def url_of(self, address: str) -> str:
        """The URL of another node: with the scheme, credentials and options of the first one."""
        first = urlsplit(self._urls[0])
        credentials, at, _ = first.netloc.rpartition("@")
        return urlunsplit(first._replace(netloc=f"{credentials}{at}{address}"))

    def distrust(self, node: Node) -> None:
        """The node says that it has not got what the table says: find out anew."""
        self._table = [None if owner is node else owner for owner in self._table]
        # The others are asked first.
        self._addresses = [
            *(address for address in self._addresses if address != node.address),
            node.address,
        ]

    async def close(self) -> None:
        """Ends all connections."""
        for node in self._nodes.values():
            await node.connection.close()

    async def _refresh(self) -> None:
        # While nobody has a partition, its callers do not ask all nodes again and again.
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before:
            return
        try:
            await self._find_owners(await self._ask_layout())
        finally:
            if None in self._table:
                self._not_before = loop.time() + _PAUSE_SECONDS

    async def _find_owners(self, layout: Layout) -> None:
        self.replicas = layout.replicas
        for address in dict.fromkeys(layout.owners):
            partitions = [p for p in range(PARTITIONS) if layout.owners[p] == address]
            owner: Node | None = None
            try:
                if address is None:
                    raise NotReachedError("no node has the slot")
                node = await self._connect(address)
                gained = [p for p in partitions if self._table[p] is not node]
                if gained:
                    await self._prepare(node, gained)
                owner = node
            except (NotReachedError, OutcomeUnknownError, ReplyError) as error:
                _log.warning("store_node_not_reached", node=address, error=str(error)[:200])
            for partition in partitions:
                self._table[partition] = owner

    async def _connect(self, address: str) -> Node:
        node = self._nodes.get(address)
        if node is None or node.connection.lost:
            if node is not None:
                await node.connection.close()
            node = await connect(address=address, url=self.url_of(address))
            self._nodes[address] = node
        return node

    async def _ask_layout(self) -> Layout:
        """The layout as the first node knows it that can be reached."""
        for address in dict.fromkeys([*self._addresses, *self._nodes]):
            try:
                node = await self._connect(address)
                slots = await node.connection.call("CLUSTER", "SLOTS")
            except (NotReachedError, OutcomeUnknownError, ReplyError) as error:
                if "cluster support disabled" in str(error):
                    return self._single(address)
                _log.warning("store_node_not_reached", node=address, error=str(error)[:200])
                continue
            self.clustered = True
            return _parse_slots(slots, asked=address)
        raise NotReachedError("no node of the store can be reached")

    def _single(self, address: str) -> Layout:
        if len(self._urls) > 1:
            # Two primaries would each have a budget of their own.
            raise ConfigurationError(
                "ENRICHMENT_STORE_URL: several addresses are for the nodes of one Cluster, and "
                "this store is none. Name one address, which leads to the primary."
            )
        return Layout(owners=[address] * PARTITIONS, replicas=[])


def _parse_slots(slots: object, *, asked: str) -> Layout:
    """From the answer to CLUSTER SLOTS: ranges of [first, last, owner, replica...]."""
    assert isinstance(slots, list)
    owners: list[str | None] = [None] * PARTITIONS
    replicas: dict[str, None] = {}
    for first, last, owner, *others in slots:
        for partition in range(PARTITIONS):
            if first <= partition_slot(partition) <= last:
                owners[partition] = _address(owner, asked=asked)
        replicas |= dict.fromkeys(_address(replica, asked=asked) for replica in others)
    return Layout(owners=owners, replicas=list(replicas))


def _address(node: Sequence[object], *, asked: str) -> str:
    host, port = node[0], node[1]
    if not isinstance(host, bytes) or host in (b"", b"?"):
        # A node that does not know its own address means the one it was asked at.
        return f"{asked.rpartition(':')[0]}:{port}"
    name = host.decode()
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
