"""Positions in the log, and the opaque cursors that carry them to callers and back.

A cursor holds the position in every partition that its reader reads, each with the partition's
epoch, so that every replica of the service can go on from it and none has to remember it. Inside a
snapshot it holds also how far that has come; the positions are then those that the tail begins at.
"""

import base64
import binascii
import struct
import zlib
from functools import lru_cache
from typing import NamedTuple

from servicekit.errors import ServiceError, invalid_argument

_TAIL, _INSIDE = 1, 2
_HEAD = struct.Struct(">B8s")
_PLACE = struct.Struct(">BBB")
_PART = struct.Struct(">B4sQQ")
_CHECK = struct.Struct(">I")


class StreamId(NamedTuple):
    """Id of a log entry: milliseconds of its time, and a number among those of that time."""

    ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"


def parse_id(text: str) -> StreamId:
    """The id as the store writes it."""
    ms, _, seq = text.partition("-")
    return StreamId(int(ms), int(seq))


class Position(NamedTuple):
    """Behind which entry of a partition reading goes on, and in which epoch (8 hex digits)."""

    epoch: str
    after: StreamId


class Place(NamedTuple):
    """How far a snapshot has come: behind which profile of which enrichment, in key order.

    Blank names are the beginning of the partition.
    """

    partition: int
    enrichment: str
    profile: str


class Cursor(NamedTuple):
    """Positions by partition; `place` when the snapshot before them is not complete."""

    positions: dict[int, Position]
    place: Place | None = None


def encode_cursor(cursor: Cursor, *, fingerprint: bytes) -> str:
    """The text of a cursor, bound to the selection with this fingerprint."""
    return _encode(tuple(cursor.positions.items()), cursor.place, fingerprint)


# Live subscribers of one selection are all at the same place.
@lru_cache(maxsize=256)
def _encode(
    positions: tuple[tuple[int, Position], ...], place: Place | None, fingerprint: bytes
) -> str:
    pieces = [_HEAD.pack(_TAIL if place is None else _INSIDE, fingerprint)]
    if place is not None:
        partition, *names = place
        pieces += [_PLACE.pack(partition, *map(len, names)), *map(str.encode, names)]
    pieces += [
        _PART.pack(partition, bytes.fromhex(epoch), after.ms, after.seq)
        for partition, (epoch, after) in positions
    ]
    body = b"".join(pieces)
    return base64.urlsafe_b64encode(body + _CHECK.pack(zlib.crc32(body))).rstrip(b"=").decode()


def decode_cursor(
    cursor: str, *, fingerprint: bytes, partitions: frozenset[int], field: str
) -> Cursor:
    """What a cursor holds.

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
    if version not in (_TAIL, _INSIDE):
        raise _malformed(field)
    if bound_to != fingerprint:
        raise invalid_argument(
            field,
            "belongs to another filter or shard; use it with those, or begin without it",
            reason="CURSOR_OF_OTHER_FILTER",
        )
    try:
        place, rest = _split_place(body[_HEAD.size :], inside=version == _INSIDE)
        positions = {
            partition: Position(epoch.hex(), StreamId(ms, seq))
            for partition, epoch, ms, seq in _PART.iter_unpack(rest)
        }
    except (struct.error, UnicodeDecodeError):
        raise _malformed(field) from None
    if positions.keys() != partitions:
        raise _malformed(field)
    if place is not None and partitions and place.partition not in partitions:
        raise _malformed(field)
    return Cursor(positions, place)


def _split_place(body: bytes, *, inside: bool) -> tuple[Place | None, bytes]:
    """The place in a snapshot, if there is one, and what follows it."""
    if not inside:
        return None, body
    partition, enrichment_size, profile_size = _PLACE.unpack_from(body)
    middle = _PLACE.size + enrichment_size
    end = middle + profile_size
    place = Place(partition, body[_PLACE.size : middle].decode(), body[middle:end].decode())
    return place, body[end:]


def _malformed(field: str) -> ServiceError:
    return invalid_argument(
        field,
        "is not a cursor of this service; send one as it came, or begin without it",
        reason="CURSOR_MALFORMED",
    )
