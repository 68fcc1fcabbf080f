"""The id of a call: the caller's ``x-request-id`` when it is well formed, otherwise a new one.

Log lines bear it, and calls of other services that are made meanwhile.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from servicekit.names import random_id

REQUEST_ID_KEY: Final = "x-request-id"

# Blank outside calls and background work.
current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")

# Safe in headers and log lines, and long enough for UUIDs and trace ids.
_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def request_id_of(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """The request id in ``metadata``; a missing or malformed one is replaced by a random id."""
    for key, value in metadata or ():
        if key == REQUEST_ID_KEY and isinstance(value, str) and _PATTERN.fullmatch(value):
            return value
    return random_id()


@contextmanager
def work_id() -> Iterator[None]:
    """A random id while it lasts, for a step of background work."""
    token = current_request_id.set(random_id())
    try:
        yield
    finally:
        current_request_id.reset(token)
