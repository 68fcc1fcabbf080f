"""Calls of the store's functions: partition, epoch, clock, and what a failure means."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog

from enrichment_service.ports import PARTITIONS, RefusedError
from enrichment_service.store.connection import NotReachedError, OutcomeUnknownError, ReplyError
from enrichment_service.store.node import Node, connect
from enrichment_service.store.partitions import Marker, header_key, new_epoch
from enrichment_service.store.routing import Router
from servicekit.clock import Clock
from servicekit.errors import ServiceError, unavailable
from servicekit.settings import ConfigurationError

_log = structlog.get_logger("store")

# Functions that give out views: where there are replicas, one must have the record of it first.
_PERMITS = frozenset({"begin_view", "reserve_views", "consume_views"})
# Errors that come before a function runs. The first two: the partition is on another node now.
_ELSEWHERE = frozenset({"MOVED", "READONLY"})
_NOT_NOW = _ELSEWHERE | {
    *("ASK", "BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM"),
    "TRYAGAIN",
}
# What a function meets when its slot is being moved key by key.
_BEING_MOVED = "non local key"
_REDIRECTIONS = 3


class Store:
    """All state of the enrichment service, on one node or on the nodes of a Cluster."""

    def __init__(
        self, *, url: str, clock: Clock, marker: Marker | None, retention_ms: int = 7 * 86_400_000
    ) -> None:
        """The store at `url`, which may name several nodes of a Cluster, separated by commas.

        `marker` belongs to an embedded store, which may be initialised at its first start.
        `retention_ms` is how long events are kept (7 days); it counts when the store is created.
        """
        self._retention_ms = retention_ms
        self._router = Router(url, prepare=self._prepare)
        self._clock = clock
        self._marker = marker
        self._attested = False
        self._epochs: list[str] = []
        self._mending = asyncio.Lock()

    async def open(self, *, initialise: bool = False, attested: bool = False) -> None:
        """Checks the nodes, loads the library and reads the headers; ConfigurationError if unfit.

        `initialise` allows headers to be created in a store that has none; `attested` skips the
        look at settings that a managed store does not show.
        """
        self._attested = attested
        try:
            await self._open_partitions(initialise=initialise or self._marker is not None)
            await self._check_replicas()
        except (NotReachedError, OutcomeUnknownError, ReplyError) as error:
            raise ConfigurationError(
                "ENRICHMENT_STORE_URL: the store cannot be reached there, or not all of it. Start "
                "it, or correct the address."
            ) from error

    async def begin_epoch(self) -> None:
        """Begins a new epoch everywhere: the records are older than what happened.

        For a store that was restored from a backup. Budgets refuse until 00:00 UTC, since the
        views since the backup are not known, and subscribers take a snapshot.
        """
        self._epochs = [
            await self._open_partition(
                await self._router.node_of(partition), partition, epoch, lost=True, restored=True
            )
            for partition, epoch in enumerate(self._epochs)
        ]
        self._remember()

    async def close(self) -> None:
        """Ends the connections."""
        await self._router.close()

    def epoch(self, partition: int) -> str:
        """The partition's epoch as this process knows it."""
        return self._epochs[partition]

    async def url_of(self, partition: int) -> str:
        """URL of the node that has the partition now, for a connection of one's own.

        ServiceError UNAVAILABLE while there is none. Ask again when that connection breaks, or
        answers MOVED.
        """
        try:
            return (await self._router.node_of(partition)).url
        except NotReachedError as error:
            raise _not_reached() from error

    def read_together(self) -> list[list[int]]:
        """Partitions in groups that one command may read: all, or each alone on a Cluster."""
        every = list(range(PARTITIONS))
        return [[partition] for partition in every] if self._router.clustered else [every]

    async def call(self, partition: int, function: str, request: Mapping[str, object]) -> Any:
        """The function's answer; RefusedError when it refuses.

        ServiceError UNAVAILABLE when the store cannot be reached (STORE_NOT_REACHED,
        STORE_NOT_READY: nothing happened; STORE_OUTCOME_UNKNOWN: it may have), or when no replica
        has the record of a permit (STORE_NOT_REPLICATED: it is charged or reserved, not given).
        """
        try:
            try:
                return await self._call(partition, function, request)
            except RefusedError as refused:
                if refused.reason not in ("STORE_NOT_INITIALISED", "EPOCH_CHANGED"):
                    raise
            # Nothing was written: the records were lost, or somebody noticed before us.
            await self._mend(await self._router.node_of(partition), [partition])
            return await self._call(partition, function, request)
        except NotReachedError as error:
            raise _not_reached() from error
        except OutcomeUnknownError as error:
            raise unavailable(
                "STORE_OUTCOME_UNKNOWN",
                "The store was lost during the call, which may have run. Repeat it with the same "
                "request_id.",
            ) from error
        except ConfigurationError as error:
            _log.error("store_unfit", advice=str(error))
            raise unavailable(
                "STORE_UNFIT", "The store is not set up as it must be; nothing changed."
            ) from error
        except ReplyError as error:
            if error.code not in _NOT_NOW and _BEING_MOVED not in str(error):
                raise
            raise unavailable(
                "STORE_NOT_READY",
                f"The store takes no such call just now ({error.code}); nothing changed. Try "
                "again.",
            ) from error

    async def _call(self, partition: int, function: str, request: Mapping[str, object]) -> Any:
        body = {key: value for key, value in request.items() if value is not None}
        body["epoch"] = self._epochs[partition]
        now = self._clock.store_now()
        if now:
            body["now_ms"] = int(now)
        packed = orjson.dumps(body)
        for _ in range(_REDIRECTIONS):
            node = await self._router.node_of(partition)
            guard = await node.guard() if function in _PERMITS else None
            if guard is not None and guard.behind and not await guard.keeps_up():
                # Asked first, so that nothing is charged in vain while it lasts.
                raise _not_replicated("nothing changed")
            try:
                answer = _parse(await node.function(function, header_key(partition), packed))
            except ReplyError as error:
                if error.code in _ELSEWHERE or error.code == "CLUSTERDOWN":
                    self._router.distrust(node)
                if error.code in _ELSEWHERE:
                    continue
                raise
            if guard is not None and not await guard.keeps_up():
                raise _not_replicated("the views stay charged or reserved")
            return answer
        raise NotReachedError("the partition moves about")

    async def _prepare(self, node: Node, partitions: Sequence[int]) -> None:
        """Before a node gets calls for partitions that it did not have, as far as we know."""
        if not self._attested:
            await node.check_settings()
        await node.load_library()
        await node.look_at_replication()
        if self._epochs:
            await self._mend(node, partitions)

    async def _check_replicas(self) -> None:
        """A replica may be promoted at any time, so it has to be fit as well."""
        for address in () if self._attested else self._router.replicas:
            try:
                replica = await connect(address=address, url=self._router.url_of(address))
            except NotReachedError:
                _log.warning("replica_not_reached", node=address)
                continue
            try:
                await replica.check_settings()
            finally:
                await replica.connection.close()

    async def _open_partitions(self, *, initialise: bool) -> None:
        known = self._marker.read() if self._marker is not None else None
        epochs: list[str] = []
        for partition in range(PARTITIONS):
            node = await self._router.node_of(partition)
            raw = await node.connection.call("HMGET", header_key(partition), "epoch", "partitions")
            assert isinstance(raw, list)
            epoch, partitions = (item.decode() if item else None for item in raw)
            if epoch is None and not initialise:
                raise ConfigurationError(
                    "ENRICHMENT_STORE_URL: the store has not been initialised. Make sure that it "
                    "is the right one and run `enrichment-service init-store` once."
                )
            if partitions is not None and int(partitions) != PARTITIONS:
                raise ConfigurationError(
                    f"ENRICHMENT_STORE_URL: the store was created with {partitions} partitions and "
                    f"this version has {PARTITIONS}. Use the version that created it."
                )
            expected = known[partition] if known is not None else epoch
            epochs.append(
                await self._open_partition(node, partition, expected, lost=known is not None)
            )
        self._epochs = epochs
        self._remember()

    async def _open_partition(
        self,
        node: Node,
        partition: int,
        expected: str | None,
        *,
        lost: bool,
        restored: bool = False,
    ) -> str:
        """The partition's epoch; a new one if its header is not the expected one.

        A new one too if the node is a promoted replica that nobody has noticed before.
        """
        body = {
            "epoch": new_epoch(),
            "partitions": PARTITIONS,
            "retention_ms": self._retention_ms,
            "expected": expected,
            "lost": lost,
            "restored": restored,
            "now_ms": int(self._clock.store_now() or 0) or None,
        }
        if node.replication is not None:
            body["history"] = node.replication.history
            body["promoted"] = node.replication.promoted
        answer = _parse(
            await node.function(
                "open_partition",
                header_key(partition),
                orjson.dumps({key: value for key, value in body.items() if value is not None}),
            )
        )
        if expected is not None and answer["epoch"] != expected:
            _log.error("partition_lost", partition=partition, refused_until="00:00 UTC")
        return str(answer["epoch"])

    async def _mend(self, node: Node, partitions: Sequence[int]) -> None:
        """Takes notice of a loss: today's counters are gone, so today's budgets refuse."""
        async with self._mending:
            for partition in partitions:
                self._epochs[partition] = await self._open_partition(
                    node, partition, self._epochs[partition], lost=True
                )
            self._remember()

    def _remember(self) -> None:
        if self._marker is not None:
            self._marker.write(self._epochs)


def _parse(answer: bytes) -> Any:
    document = orjson.loads(answer)
    if "refused" in document:
        raise RefusedError(document["refused"])
    return document["ok"]


def _not_reached() -> ServiceError:
    return unavailable(
        "STORE_NOT_REACHED", "The store cannot be reached; nothing changed. Try again."
    )


def _not_replicated(what: str) -> ServiceError:
    return unavailable(
        "STORE_NOT_REPLICATED",
        f"No replica of the store keeps up, so no view is given out; {what}. Try again later.",
    )
