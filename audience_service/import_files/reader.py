"""An import file as rows: what each row says about a person, or why it names none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from audience_service.identity import Identity, Rejection, canonical
from audience_service.import_files.cells import original_cell
from audience_service.import_files.columns import FileKind
from audience_service.import_files.decoding import decode
from audience_service.import_files.errors import UnreadableFileError, UnreadableReason
from audience_service.import_files.layout import Layout, recognise
from audience_service.import_files.records import Records

# No field keeps more, and thousands of rows are held at a time.
_LONGEST_VALUE: Final = 2_000


class ImportedRow(NamedTuple):
    """One row of data."""

    number: int
    """As a spreadsheet shows it: from 1, the preamble, the header and blank rows counted; a
    newline inside quotes does not begin a new row."""
    identities: tuple[Identity, ...]
    """Every name the row gives its person, the best first; empty exactly if `problem` is set."""
    fields: dict[str, str]
    """Those of first_name, last_name, full_name, headline, company, title, location and
    connected_on (as written) that the row has; never blank, and at most 2,000 characters each."""
    problem: Rejection | None
    """NO_URL: the row has no profile. Anything else: what it has instead names no person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFile:
    """An opened file."""

    kind: FileKind
    rows: Iterator[ImportedRow]
    """Every row that is not blank in all its cells. Raises UnreadableFileError."""


def open_file(chunks: Iterable[bytes], *, max_rows: int, max_row_chars: int) -> ImportFile:
    """Recognise a file by its first 64 KiB; the rest is read while its rows are.

    The same bytes give the same rows however they are cut into chunks. `max_rows` counts rows of
    data; `max_row_chars` (at most 131,072) counts the characters of a row with its delimiters and
    newlines, and bounds the memory used. Raises UnreadableFileError.
    """
    records = Records(decode(chunks), max_row_chars=max_row_chars)
    layout = recognise(records.head)
    return ImportFile(kind=layout.kind, rows=_read_rows(records, layout=layout, max_rows=max_rows))


def _read_rows(records: Records, *, layout: Layout, max_rows: int) -> Iterator[ImportedRow]:
    profiles = layout.profile_columns
    fields = tuple(layout.field_columns.items())
    rows = 0
    for number, record in records.read(delimiter=layout.delimiter):
        if number <= layout.header_row:
            continue
        row = _read_row(record, number=number, profiles=profiles, fields=fields)
        if row.problem is Rejection.NO_URL and not any(map(str.strip, record)):
            continue
        rows += 1
        if rows > max_rows:
            raise UnreadableFileError(
                reason=UnreadableReason.TOO_MANY_ROWS,
                message=f"The file has more than {max_rows} rows. "
                "Split it and import the parts one after another.",
            )
        yield row


def _read_row(
    record: list[str],
    *,
    number: int,
    profiles: tuple[int, ...],
    fields: tuple[tuple[str, tuple[int, ...]], ...],
) -> ImportedRow:
    width = len(record)
    problem = Rejection.NO_URL
    identities: list[Identity] = []
    for column in profiles:
        if column >= width or not (cell := record[column]):
            continue
        found = canonical(cell)
        if isinstance(found, Identity):
            if found not in identities:
                identities.append(found)
        elif problem is Rejection.NO_URL and found is not problem and not identities:
            problem = found
    values: dict[str, str] = {}
    for name, columns in fields:
        for column in columns:
            if column < width and (value := original_cell(record[column].strip()).strip()):
                values[name] = value[:_LONGEST_VALUE]
                break
    return ImportedRow(number, tuple(identities), values, None if identities else problem)
