"""Positions in the log, and the opaque cursors that carry them to callers and back.

A cursor holds the position in every partition that its reader reads, each with the partition's
epoch, so that every replica of the service can go on from it and none has to remember it.
"""

import base64
import binascii
import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from servicekit.errors import ServiceError, invalid_argument

_VERSION = 1
_HEAD = struct.Struct(">B8s")
_PART = struct.Struct(">B4sQQ")
_CHECK = struct.Struct(">I")


class StreamId(NamedTuple):
    """Id of a log entry: milliseconds of its time, and a number among those of that time."""

    ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"


BEGINNING = StreamId(0, 0)


def parse_id(text: str) -> StreamId:
    """The id as the store writes it."""
    ms, _, seq = text.partition("-")
    return StreamId(int(ms), int(seq))


class Position(NamedTuple):
    """Behind which entry of a partition reading goes on, and in which epoch (8 hex digits)."""

    epoch: str
    after: StreamId


def encode_cursor(positions: Mapping[int, Position], *, fingerprint: bytes) -> str:
    """A cursor of these positions by partition, bound to the selection with this fingerprint."""
    parts = [
        _PART.pack(partition, bytes.fromhex(epoch), after.ms, after.seq)
        for partition, (epoch, after) in positions.items()
    ]
    body = b"".join((_HEAD.pack(_VERSION, fingerprint), *parts))
    return base64.urlsafe_b64encode(body + _CHECK.pack(zlib.crc32(body))).rstrip(b"=").decode()


def decode_cursor(
    cursor: str, *, fingerprint: bytes, partitions: frozenset[int], field: str
) -> dict[int, Position]:
    """The positions in a cursor, by partition.

    INVALID_ARGUMENT naming `field`: CURSOR_MALFORMED when no server made it so,
    CURSOR_OF_OTHER_FILTER when it was made for another filter or shard.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _malformed(field) from None
    body, check = raw[: -_CHECK.size], raw[-_CHECK.size :]
    if len(body) < _HEAD.size or _CHECK.pack(zlib.crc32(body)) != check:
        raise _malformed(field)
    version, bound_to = _HEAD.unpack_from(body)
    if version != _VERSION:
        raise _malformed(field)
    if bound_to != fingerprint:
        raise invalid_argument(
            field,
            "belongs to another filter or shard; use it with those, or begin without it",
            reason="CURSOR_OF_OTHER_FILTER",
        )
    if (len(body) - _HEAD.size) % _PART.size:
        raise _malformed(field)
    positions = {
        partition: Position(epoch.hex(), StreamId(ms, seq))
        for partition, epoch, ms, seq in _PART.iter_unpack(body[_HEAD.size :])
    }
    if positions.keys() != partitions:
        raise _malformed(field)
    return positions


def _malformed(field: str) -> ServiceError:
    return invalid_argument(
        field,
        "is not a cursor of this service; send one as it came, or begin without it",
        reason="CURSOR_MALFORMED",
    )
