"""The public keys that tokens are signed with: a JWKS file, or an https URL."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import httpx
import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from servicekit.errors import ServiceError, unavailable

_log = structlog.get_logger("keys")

_MOST_BYTES: Final = 1024 * 1024
_FETCH_SECONDS: Final = 10.0

Fetch = Callable[[], Awaitable[bytes]]


class KeySource:
    """The keys by their id (`kid`), read again when old, or when a token names one it lacks.

    When that fails, the keys of before stay. ``generation`` counts the times that they changed.
    """

    def __init__(
        self,
        fetch: Fetch,
        *,
        max_age_seconds: float,
        retry_seconds: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``max_age_seconds`` is the age at which they are read again; never more often than every
        ``retry_seconds``, however many unknown keys are asked for."""
        self._fetch = fetch
        self._max_age = max_age_seconds
        self._retry = retry_seconds
        self._now = now
        self._keys: Mapping[str, PyJWK] = {}
        self._document = b""
        self._tried: float | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self.generation = 0

    async def start(self) -> None:
        """Read them for the first time; a failure is logged, and tried again when asked."""
        await self._refresh()

    async def close(self) -> None:
        """End a refresh under way."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)

    def keep_fresh(self) -> None:
        """Begin to read them again in the background if they are old. Cheap, for every call."""
        if self._tried is None or self._now() - self._tried >= self._max_age:
            self._begin()

    async def find(self, key_id: str | None) -> PyJWK | None:
        """The key of this id, or the only one if the token names none; None when there is none.

        UNAVAILABLE, KEYS_NOT_AVAILABLE, as long as no keys could be read at all.
        """
        key = self._find(key_id)
        if key is None and (self._tried is None or self._now() - self._tried >= self._retry):
            await self._refresh()
            key = self._find(key_id)
        if key is None and not self._keys:
            raise _no_keys()
        return key

    def _find(self, key_id: str | None) -> PyJWK | None:
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        # Shared by all who ask meanwhile, and not cancelled with any one of them.
        await asyncio.shield(self._begin())

    def _begin(self) -> "asyncio.Task[None]":
        if self._refreshing is None or self._refreshing.done():
            self._tried = self._now()
            self._refreshing = asyncio.create_task(self._read())
        return self._refreshing

    async def _read(self) -> None:
        try:
            document = await self._fetch()
            if document == self._document:
                return
            keys = parse_keys(document)
        except (OSError, httpx.HTTPError, ValueError) as error:
            _log.error("keys_not_read", exc_info=error, keys_kept=len(self._keys))
            return
        self._document, self._keys = document, keys
        self.generation += 1
        _log.info("keys_read", keys=len(keys))


def parse_keys(document: bytes) -> dict[str, PyJWK]:
    """The keys of a JWKS that can verify signatures; ValueError when there is none."""
    match json.loads(document):
        case {"keys": list(entries)}:
            pass
        case _:
            raise ValueError('not a JWKS: {"keys": […]}')
    keys: dict[str, PyJWK] = {}
    for entry in entries:
        # Shared secrets (oct) never verify tokens here, and encryption keys are for another use.
        if not isinstance(entry, dict) or entry.get("kty") == "oct" or entry.get("use") == "enc":
            continue
        try:
            key = PyJWK(entry)
        except PyJWTError:
            _log.warning("key_skipped", key_type=str(entry.get("kty"))[:20])
            continue
        keys[key.key_id or ""] = key
    if not keys:
        raise ValueError("the JWKS has no public key that is known here")
    return keys


def file_source(path: Path) -> KeySource:
    """Keys of a file, noticed within 5 s of a change."""

    async def fetch() -> bytes:
        return await asyncio.to_thread(path.read_bytes)

    return KeySource(fetch, max_age_seconds=5.0, retry_seconds=1.0)


def url_source(
    url: str, http: httpx.AsyncClient, *, now: Callable[[], float] = time.monotonic
) -> KeySource:
    """Keys of a URL, asked for every 5 minutes, and once a minute while one is not known."""

    async def fetch() -> bytes:
        async with asyncio.timeout(_FETCH_SECONDS), http.stream("GET", url) as response:
            response.raise_for_status()
            document = b""
            async for part in response.aiter_bytes():
                document += part
                if len(document) > _MOST_BYTES:
                    raise ValueError("the JWKS is too large")
            return document

    return KeySource(fetch, max_age_seconds=300.0, retry_seconds=60.0, now=now)


def _no_keys() -> ServiceError:
    return unavailable(
        "KEYS_NOT_AVAILABLE",
        "The keys that tokens are verified with cannot be read just now. Try again in a minute.",
        retry_after_ms=60_000,
    )
