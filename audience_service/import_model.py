"""What the service knows about imports. Numbers and times are those of ``model``."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Rows of an import by class."""

    added: int = 0
    already_there: int = 0
    merged: int = 0
    no_profile: int = 0
    suppressed: int = 0
    erased: int = 0
    rejected: int = 0

    def plus(self, more: Mapping[str, int]) -> "RowCounts":
        """These counts and ``more``, by the same names."""
        names = (each.name for each in fields(self))
        return RowCounts(**{name: getattr(self, name) + more.get(name, 0) for name in names})

    def since(self, before: "RowCounts") -> dict[str, int]:
        """What has been added to ``before``, by name."""
        return {
            each.name: getattr(self, each.name) - getattr(before, each.name)
            for each in fields(self)
        }


class RowClass(IntEnum):
    """What became of a row of an import."""

    ADDED = 1
    ALREADY_THERE = 2
    MERGED = 3
    NO_PROFILE = 4
    SUPPRESSED = 5
    ERASED = 6
    REJECTED = 7


class ImportRow(NamedTuple):
    """One row of a receipt; ``reason`` is set for rejected rows."""

    number: int
    row_class: RowClass
    reason: str


class ImportPhase(IntEnum):
    """What an import does; REFUSED is an end too, and not of the contract."""

    RECEIVING = 1
    CHECKING = 2
    APPLYING = 3
    DONE = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An import of a file into an audience.

    ``number`` is unique in the workspace and marks the memberships that the import has met.
    ``rows`` is known after the check. ``refusal`` is the reason of an unreadable file. ``sha256``
    is the file's digest in hexadecimal digits as its sender says; empty when that is not known.
    """

    workspace: str
    request_id: str
    audience: str
    number: int
    validate_only: bool = False
    size_bytes: int = 0
    sha256: str = ""
    phase: ImportPhase = ImportPhase.RECEIVING
    received_bytes: int = 0
    rows: int = 0
    applied_rows: int = 0
    counts: RowCounts = RowCounts()
    format: str = ""
    refusal: str = ""
    refusal_message: str = ""
    create_ms: int
    complete_ms: int | None = None
