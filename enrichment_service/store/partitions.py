"""Partitions and their headers with epochs.

A partition is a hash tag, so one script sees all that it changes, on one node and on a Cluster
alike. A header proves that the partition's records are there: scripts are given the epoch that the
process knows, and a missing or foreign header means that today's counters may be lost.
"""

import secrets
from pathlib import Path

import orjson

from enrichment_service.ports import PARTITIONS


def hash_tag(partition: int) -> str:
    """What the keys of a partition have in common: a Cluster keeps them in one slot."""
    return f"p{partition:02d}"


_HEADER_KEYS = [f"{{{hash_tag(partition)}}}:header" for partition in range(PARTITIONS)]


def header_key(partition: int) -> str:
    """The key that a function is called with."""
    return _HEADER_KEYS[partition]


def new_epoch() -> str:
    """A name that no epoch had before."""
    return secrets.token_hex(4)


class Marker:
    """A file beside the embedded store that remembers which epochs were begun in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[str] | None:
        """The epochs by partition; None before the store's first start."""
        try:
            return list(orjson.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return None

    def write(self, epochs: list[str]) -> None:
        """Replaces the file as a whole."""
        draft = self._path.with_suffix(".new")
        draft.write_bytes(orjson.dumps(epochs))
        draft.replace(self._path)
