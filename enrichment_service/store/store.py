"""Calls of the store's functions: partition, epoch, clock, library."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from redis.exceptions import ResponseError

from enrichment_service.ports import PARTITIONS, RefusedError
from enrichment_service.store.connection import (
    NotReachedError,
    OutcomeUnknownError,
    StoreConnection,
)
from enrichment_service.store.library import library
from enrichment_service.store.partitions import (
    Marker,
    header_key,
    new_epoch,
)
from servicekit.clock import Clock
from servicekit.errors import unavailable
from servicekit.settings import ConfigurationError

_log = structlog.get_logger("store")

# What the promises need of the store, and why.
_NEEDED = {
    "appendonly": ("yes", "a restart would forget views"),
    "appendfsync": ("always", "a crash would forget the last second's views"),
    "maxmemory-policy": ("noeviction", "counters would be evicted"),
}


class Store:
    """All state of the enrichment service."""

    def __init__(
        self, *, url: str, clock: Clock, marker: Marker | None, retention_ms: int = 7 * 86_400_000
    ) -> None:
        """The store at `url`.

        `marker` belongs to an embedded store, which may be initialised at its first start.
        `retention_ms` is how long events are kept (7 days); it counts when the store is created.
        """
        self._retention_ms = retention_ms
        self._connection = StoreConnection(url)
        self._clock = clock
        self._marker = marker
        self._epochs: list[str] = []
        self._mending = asyncio.Lock()

    async def open(self, *, initialise: bool = False, attested: bool = False) -> None:
        """Checks the store, loads the library and reads the headers; ConfigurationError if unfit.

        `initialise` allows headers to be created in a store that has none; `attested` skips the
        look at settings that a managed store does not show.
        """
        try:
            if not attested:
                await self._check_settings()
            await self._load_library()
            await self._open_partitions(initialise=initialise or self._marker is not None)
        except NotReachedError as error:
            raise ConfigurationError(
                "ENRICHMENT_STORE_URL: the store cannot be reached there. Start it, or correct the "
                "address."
            ) from error

    async def close(self) -> None:
        """Ends the connection."""
        await self._connection.close()

    def epoch(self, partition: int) -> str:
        """The partition's epoch as this process knows it."""
        return self._epochs[partition]

    async def call(self, partition: int, function: str, request: Mapping[str, object]) -> Any:
        """The function's answer; RefusedError when it refuses.

        ServiceError UNAVAILABLE when the store cannot be reached (STORE_NOT_REACHED: nothing
        happened; STORE_OUTCOME_UNKNOWN: it may have).
        """
        try:
            return await self._call(partition, function, request)
        except RefusedError as refused:
            if refused.reason not in ("STORE_NOT_INITIALISED", "EPOCH_CHANGED"):
                raise
        # Nothing was written: the records were lost, or somebody noticed before us.
        await self._mend(partition)
        return await self._call(partition, function, request)

    async def _call(self, partition: int, function: str, request: Mapping[str, object]) -> Any:
        body = {key: value for key, value in request.items() if value is not None}
        body["epoch"] = self._epochs[partition]
        now = self._clock.store_now()
        if now:
            body["now_ms"] = int(now)
        return await self._function(partition, function, body)

    async def _function(self, partition: int, function: str, body: Mapping[str, object]) -> Any:
        arguments = (
            "FCALL",
            f"{function}_{library().version}",
            1,
            header_key(partition),
            orjson.dumps(body),
        )
        try:
            try:
                answer = await self._connection.call(*arguments)
            except ResponseError as error:
                if "Function not found" not in str(error):
                    raise
                await self._load_library()
                answer = await self._connection.call(*arguments)
        except NotReachedError as error:
            raise unavailable(
                "STORE_NOT_REACHED", "The store cannot be reached; nothing changed. Try again."
            ) from error
        except OutcomeUnknownError as error:
            raise unavailable(
                "STORE_OUTCOME_UNKNOWN",
                "The store was lost during the call, which may have run. Repeat it with the same "
                "request_id.",
            ) from error
        assert isinstance(answer, bytes)
        document = orjson.loads(answer)
        if "refused" in document:
            raise RefusedError(document["refused"])
        return document["ok"]

    async def _load_library(self) -> None:
        try:
            await self._connection.call("FUNCTION", "LOAD", library().text)
        except ResponseError as error:
            if "already exists" not in str(error):
                raise

    async def _check_settings(self) -> None:
        for name, (wanted, why) in _NEEDED.items():
            try:
                answer = await self._connection.call("CONFIG", "GET", name)
            except ResponseError as error:
                raise ConfigurationError(
                    f"ENRICHMENT_STORE_URL: the store does not show its settings ({error}). If "
                    f"{name} is {wanted} there, set ENRICHMENT_STORE_ATTESTED=true."
                ) from error
            value = answer[1].decode() if isinstance(answer, list) and len(answer) > 1 else ""
            if value != wanted:
                raise ConfigurationError(
                    f"ENRICHMENT_STORE_URL: the store has {name}={value}; set {name} {wanted}, or "
                    f"{why}."
                )

    async def _open_partitions(self, *, initialise: bool) -> None:
        known = self._marker.read() if self._marker is not None else None
        epochs: list[str] = []
        for partition in range(PARTITIONS):
            raw = await self._connection.call("HMGET", header_key(partition), "epoch", "partitions")
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
            epochs.append(await self._open_partition(partition, expected, lost=known is not None))
        self._epochs = epochs
        self._remember()

    async def _open_partition(self, partition: int, expected: str | None, *, lost: bool) -> str:
        """The partition's epoch; a new one if its header is not the expected one."""
        body = {
            "epoch": new_epoch(),
            "partitions": PARTITIONS,
            "retention_ms": self._retention_ms,
            "expected": expected,
            "lost": lost,
            "now_ms": int(self._clock.store_now() or 0) or None,
        }
        answer = await self._function(
            partition,
            "open_partition",
            {key: value for key, value in body.items() if value is not None},
        )
        if answer["epoch"] != expected and lost:
            _log.error("partition_lost", partition=partition, refused_until="00:00 UTC")
        return str(answer["epoch"])

    async def _mend(self, partition: int) -> None:
        """A new epoch after a loss: today's counters are gone, so today's budgets refuse."""
        async with self._mending:
            self._epochs[partition] = await self._open_partition(
                partition, self._epochs[partition], lost=True
            )
            self._remember()

    def _remember(self) -> None:
        if self._marker is not None:
            self._marker.write(self._epochs)
