"""How a file is laid out, recognised from its first lines: delimiter, header, columns."""

from collections import Counter
from dataclasses import dataclass, field

from audience_service.identity import Identity, Rejection, canonical
from audience_service.import_files.columns import (
    FIELD_COLUMNS,
    KNOWN_COLUMNS,
    PROFILE_COLUMNS,
    FileKind,
    kind_of,
    plain,
)
from audience_service.import_files.errors import UnreadableFileError, UnreadableReason
from audience_service.import_files.records import DELIMITERS, head_records

_MOST_PREAMBLE = 20  # (domain: up to four lines stand before the header)
_SAMPLE_RECORDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where to find what in a record; columns are counted from 0, the best one first."""

    kind: FileKind
    delimiter: str
    header_row: int
    """Number of the header's row from 1; 0 when there is none. Rows up to it are no data."""
    profile_columns: tuple[int, ...]
    field_columns: dict[str, tuple[int, ...]] = field(default_factory=dict)


def recognise(head: list[str]) -> Layout:
    """Return the layout of a file with these first lines. Raises UnreadableFileError."""
    samples = {
        delimiter: head_records(head, delimiter=delimiter, count=_SAMPLE_RECORDS)
        for delimiter in DELIMITERS
    }
    if not any(cell.strip() for records in samples.values() for row in records for cell in row):
        raise UnreadableFileError(
            reason=UnreadableReason.EMPTY_FILE,
            message="The file is empty. Export it again and check that the export has ended.",
        )
    layout = _by_names(samples) or _by_content(samples)
    if layout is None:
        raise UnreadableFileError(
            reason=UnreadableReason.NO_PROFILE_COLUMN,
            message="No column holds LinkedIn profile URLs. Name one 'LinkedIn URL', or import a "
            "file with one profile URL a line; exports without URLs have to be made again.",
        )
    return layout


def _by_names(samples: dict[str, list[list[str]]]) -> Layout | None:
    """Find the header by the names of its columns: the row that has most of the known ones."""
    best: tuple[int, Layout] | None = None
    for delimiter, records in samples.items():
        for row, record in enumerate(records[:_MOST_PREAMBLE], start=1):
            if any(isinstance(canonical(cell), Identity) for cell in record):
                break
            names = [plain(cell) for cell in record]
            known = len(KNOWN_COLUMNS.intersection(names))
            if known > (best[0] if best else 0) and set(PROFILE_COLUMNS).intersection(names):
                best = known, _with_header(names, delimiter=delimiter, row=row)
    return best[1] if best else None


def _by_content(samples: dict[str, list[list[str]]]) -> Layout | None:
    """Find the column with most profiles in it; a first row that is no address is its header."""
    found = Counter(
        (delimiter, column)
        for delimiter, records in samples.items()
        for record in records
        for column, cell in enumerate(record)
        if isinstance(canonical(cell), Identity)
    )
    if not found:
        return None
    delimiter, column = found.most_common(1)[0][0]
    first = samples[delimiter][0]
    top = first[column] if column < len(first) else ""
    if canonical(top) is Rejection.NOT_LINKEDIN and "." not in top and "/" not in top:
        names = [plain(cell) for cell in first]
        names[column] = PROFILE_COLUMNS[0]
        return _with_header(names, delimiter=delimiter, row=1)
    return Layout(
        kind=FileKind.URL_LIST, delimiter=delimiter, header_row=0, profile_columns=(column,)
    )


def _with_header(names: list[str], *, delimiter: str, row: int) -> Layout:
    def positions(wanted: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(names.index(name) for name in wanted if name in names)

    return Layout(
        kind=kind_of(set(names)),
        delimiter=delimiter,
        header_row=row,
        profile_columns=positions(PROFILE_COLUMNS),
        field_columns={
            name: found for name, wanted in FIELD_COLUMNS.items() if (found := positions(wanted))
        },
    )
