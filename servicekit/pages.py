"""Pagination (AIP-158): page sizes, and opaque page tokens bound to the request that made them.

A token is not a secret and grants nothing: the workspace always comes from the request itself.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Final

from servicekit.errors import ServiceError, invalid_argument

Position = Mapping[str, str | int | bool]

_LONGEST: Final = 2048


def page_size(requested: int, *, default: int = 50, maximum: int = 1000) -> int:
    """The number of entries to return: zero asks for the default, too many are cut to the maximum.

    INVALID_ARGUMENT naming page_size when negative.
    """
    if requested < 0:
        raise invalid_argument("page_size", "must not be negative")
    return min(requested or default, maximum)


def encode_page_token(position: Position, *, filters: Position) -> str:
    """A token to go on after ``position``, valid only with the same ``filters`` (not the size)."""
    body = {"p": dict(position), "f": _fingerprint(filters)}
    raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_page_token(token: str, *, filters: Position) -> dict[str, str | int | bool] | None:
    """The position in ``token``, or None when it is empty: the first page.

    INVALID_ARGUMENT, PAGE_TOKEN_INVALID, when malformed or made for other filters.
    """
    if not token:
        return None
    if len(token) > _LONGEST:
        raise _invalid("is not one that this server made; begin again without it")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        body = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid("is not one that this server made; begin again without it") from None
    match body:
        case {"p": dict(position), "f": str(fingerprint)} if all(
            isinstance(value, str | int) for value in position.values()
        ):
            if fingerprint != _fingerprint(filters):
                raise _invalid("belongs to another request; repeat all other fields unchanged")
            return position
    raise _invalid("is not one that this server made; begin again without it")


def _fingerprint(filters: Position) -> str:
    canonical = json.dumps(dict(filters), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _invalid(description: str) -> ServiceError:
    return invalid_argument("page_token", description, reason="PAGE_TOKEN_INVALID")
