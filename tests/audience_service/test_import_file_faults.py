"""Import files that cannot be read say why."""

import pytest

from audience_service.import_files import UnreadableFileError, UnreadableReason, open_file
from tests.audience_service.import_rows import ADA, rows_of


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", UnreadableReason.EMPTY_FILE),
        (b"\xef\xbb\xbf\r\n \r\n", UnreadableReason.EMPTY_FILE),
        (b"PK\x03\x04rest of a workbook", UnreadableReason.NOT_A_TABLE),
        (b"%PDF-1.7\n", UnreadableReason.NOT_A_TABLE),
        (b"\x00\x01\x02\x03" * 100, UnreadableReason.NOT_A_TABLE),
        (b"URL\n" + ADA.encode() * 3000 + b"\0", UnreadableReason.ROW_TOO_LONG),
        (f"URL\n{ADA}\n".encode() * 2000 + b"\0\n", UnreadableReason.NOT_A_TABLE),
        (b"First Name,Last Name,Email Address\nAda,L,\n", UnreadableReason.NO_PROFILE_COLUMN),
        (b"some words\nand others\n", UnreadableReason.NO_PROFILE_COLUMN),
        (f'URL,Name\n{ADA},"Ada\n{ADA},B\n'.encode(), UnreadableReason.UNCLOSED_QUOTE),
        (f'URL,Name\n{ADA},"A\n'.encode() + b"x,y\n" * 9999, UnreadableReason.ROW_TOO_LONG),
        (b"x" * 20_000, UnreadableReason.ROW_TOO_LONG),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, reason: UnreadableReason) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        rows_of(data, size=1000)

    assert caught.value.reason is reason
    assert "lovelace" not in caught.value.message


def test_the_row_of_an_open_quote_is_named() -> None:
    with pytest.raises(UnreadableFileError, match="Row 3 opens"):
        rows_of(f'URL,Name\n{ADA},"A\nB"\n{ADA},"C\n{ADA},D\n')


def test_an_open_quote_that_a_later_row_closes_swallows_nobody_silently() -> None:
    with pytest.raises(UnreadableFileError, match="Row 2 opens"):
        rows_of(f'URL,Name\n{ADA},"A\n{ADA}-2,B\n{ADA}-3,"C"\n')


def test_sloppy_quotes_within_a_line_are_let_through() -> None:
    rows = rows_of(f'URL,Name\n{ADA},"A" B\n{ADA}-2,C "D" E\n')

    assert [row.fields["full_name"] for row in rows] == ["A B", 'C "D" E']


def test_too_many_rows_are_refused_after_the_last_allowed_one() -> None:
    data = f"URL\n{ADA}\n{ADA}\n{ADA}\n".encode()
    rows = open_file([data], max_rows=2, max_row_chars=100).rows

    assert [next(rows).number, next(rows).number] == [2, 3]
    with pytest.raises(UnreadableFileError, match="more than 2 rows"):
        next(rows)
