"""Lines of text to the records of a table, with limits that a broken file cannot get past."""

import csv
import io
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice

from audience_service.import_files.decoding import not_a_table
from audience_service.import_files.errors import UnreadableFileError, UnreadableReason

DELIMITERS = (",", ";", "\t")
MOST_ROW_CHARS = 131_072  # the csv module's own limit for a cell; it holds for the whole process
_HEAD_LINES = 200
_HEAD_CHARS = 65_536


def split(lines: Iterable[str], *, delimiter: str, strict: bool = False) -> Iterator[list[str]]:
    """Split lines into records; a quoted newline does not end a record, a blank line is one."""
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=strict)


class Records:
    """The records of a text, each with its number as a spreadsheet shows it, from 1."""

    def __init__(self, text: io.TextIOWrapper, *, max_row_chars: int) -> None:
        if not 0 < max_row_chars <= MOST_ROW_CHARS:
            raise ValueError(f"max_row_chars must be 1 to {MOST_ROW_CHARS}")
        self._text = text
        self._max_row_chars = max_row_chars
        self._number = 0  # of the last complete record
        self._open_lines: list[str] = []  # given to the csv module since then
        self.head = self._read_head()

    def read(self, *, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Yield number and cells of every record, once. Raises UnreadableFileError."""
        try:
            for record in split(self._lines(), delimiter=delimiter):
                if len(self._open_lines) > 1:
                    self._check_quotes(delimiter=delimiter)
                self._number += 1
                self._open_lines.clear()
                yield self._number, record
        except csv.Error as error:
            raise not_a_table() from error

    def _read_head(self) -> list[str]:
        """Read the lines that the layout of the file is recognised from."""
        head: list[str] = []
        chars = 0
        while len(head) < _HEAD_LINES and chars < _HEAD_CHARS:
            line = self._text.readline(self._max_row_chars + 1)
            if not line:
                break
            head.append(line)
            chars += len(line)
            if len(line) > self._max_row_chars:
                raise self._too_long(f"Line {len(head)}")
        return head

    def _lines(self) -> Iterator[str]:
        limit = self._max_row_chars
        lines = self._open_lines
        chars = 0
        rest = iter(partial(self._text.readline, limit + 1), "")
        for line in chain(self.head, rest):
            chars = chars + len(line) if lines else len(line)
            if chars > limit:
                raise self._too_long(f"Row {self._number + 1}")
            if "\0" in line:
                raise not_a_table()
            lines.append(line)
            yield line
        if lines:  # the csv module wants more, so a quotation mark is still open
            raise self._unclosed()

    def _check_quotes(self, *, delimiter: str) -> None:
        """Refuse a record over several lines whose quotes do not match.

        The mark that closes it then opens another row's cell, and the rows between are swallowed.
        Quotes that are only sloppy, within one line, do no harm and are let through.
        """
        try:
            list(split(self._open_lines, delimiter=delimiter, strict=True))
        except csv.Error as error:
            raise self._unclosed() from error

    def _unclosed(self) -> UnreadableFileError:
        return UnreadableFileError(
            reason=UnreadableReason.UNCLOSED_QUOTE,
            message=f"Row {self._number + 1} opens a quotation mark that is never closed. "
            "Close it, or export the file again.",
        )

    def _too_long(self, where: str) -> UnreadableFileError:
        return UnreadableFileError(
            reason=UnreadableReason.ROW_TOO_LONG,
            message=f"{where} has more than {self._max_row_chars} characters. "
            "Look for a quotation mark in it that is never closed, or shorten the row.",
        )


def head_records(lines: list[str], *, delimiter: str, count: int) -> list[list[str]]:
    """Return up to `count` records of the head of a file; a quote may be cut off at its end."""
    try:
        return list(islice(split(lines, delimiter=delimiter), count))
    except csv.Error:  # an oversized cell: reading the file in earnest says so with its row
        return []
