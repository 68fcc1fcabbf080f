"""Pagination (AIP-158): page sizes, and opaque page tokens bound to the request that made them.

A token is not a secret and grants nothing: the workspace always comes from the request itself.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Final

from servicekit.errors import invalid_argument

Position = Mapping[str, str | int | bool]

Shape = Mapping[str, type[str] | type[int]]
"""The fields of a position, and what each is."""

_INTEGERS: Final = range(-(2**63), 2**63)
_LONGEST: Final = 2048
_LARGEST_PAGE: Final = 1000


def page_size(requested: int, *, default: int = 50) -> int:
    """The number of entries to return: zero asks for the default, more than 1,000 are 1,000.

    INVALID_ARGUMENT naming page_size when negative.
    """
    if requested < 0:
        raise invalid_argument("page_size", "must not be negative")
    return min(requested or default, _LARGEST_PAGE)


def encode_page_token(position: Position, *, filters: Position) -> str:
    """A token to go on after ``position``, valid only with the same ``filters`` (not the size)."""
    body = {"p": dict(position), "f": _fingerprint(filters)}
    raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_page_token(
    token: str, *, filters: Position, shape: Shape, field: str = "page_token"
) -> dict[str, str | int | bool] | None:
    """The position in ``token``, of the given shape, or None when it is empty: the first page.

    INVALID_ARGUMENT, PAGE_TOKEN_INVALID, naming ``field`` when malformed or of other filters.
    """
    if not token:
        return None
    match _body(token):
        case {"p": dict(position), "f": str(fingerprint)} if _fits(position, shape):
            if fingerprint != _fingerprint(filters):
                raise invalid_argument(
                    field,
                    "belongs to another request; repeat all other fields unchanged",
                    reason="PAGE_TOKEN_INVALID",
                )
            return position
    raise invalid_argument(
        field,
        "is not one that this server made; begin again without it",
        reason="PAGE_TOKEN_INVALID",
    )


def _body(token: str) -> object:
    if len(token) > _LONGEST:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        return None


def _fits(position: Mapping[str, object], shape: Shape) -> bool:
    return position.keys() == shape.keys() and all(
        isinstance(value, shape[name]) and (isinstance(value, str) or value in _INTEGERS)
        for name, value in position.items()
    )


def _fingerprint(filters: Position) -> str:
    canonical = json.dumps(dict(filters), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
