"""Import files: encodings, newlines, chunks, and what any bytes give."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience_service.import_files import (
    ImportedRow,
    UnreadableFileError,
    open_file,
)
from audience_service.import_files.decoding import decode
from tests.audience_service.import_rows import ADA, SALES_ID, chunks_of, rows_of


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_newline_ends_a_row_and_no_other_character_does(newline: str) -> None:
    lines = ("URL,Name,Company", f"{ADA},A\u2028B\x85C\x0bD\x0cE,F", f'{ADA},"G\nH",I')

    rows = rows_of(newline.join(lines))

    assert [row.fields["full_name"] for row in rows] == ["A\u2028B\x85C\x0bD\x0cE", "G\nH"]
    assert [row.number for row in rows] == [2, 3]


@pytest.mark.parametrize(
    ("codec", "mark", "encoding"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8-sig"),
        ("utf-16-le", b"\xff\xfe", "utf-16-le"),
        ("utf-16-be", b"\xfe\xff", "utf-16-be"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("windows-1252", b"", "windows-1252"),
    ],
)
def test_every_encoding_is_recognised(codec: str, mark: bytes, encoding: str) -> None:
    data = mark + f"URL;First Name\n{ADA};Zoë “€”\n".encode(codec)

    assert decode(chunks_of(data, size=3)).encoding == encoding
    (row,) = rows_of(data, size=3)
    assert row.fields == {"first_name": "Zoë “€”"}


def test_windows_1252_is_read_even_if_it_shows_late() -> None:
    data = b"URL,Name\n" + f"{ADA},Ada\n".encode() * 2000 + f"{ADA},Zoë\n".encode("cp1252")

    assert rows_of(data, size=1000)[-1].fields == {"full_name": "Zoë"}


def test_a_stray_byte_does_not_spoil_a_file_in_utf_8() -> None:
    data = f"URL,Name\n{ADA},Zoë Müller\n{ADA},".encode() + b"Zo\xeb\n"

    assert [row.fields["full_name"] for row in rows_of(data)] == ["Zoë Müller", "Zoë"]


def test_rows_come_while_the_file_is_still_arriving() -> None:
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield f"{ADA}\n".encode() * 500

    rows = open_file(chunks(), max_rows=10_000, max_row_chars=100).rows

    assert [next(rows).number for _ in range(5000)][-1] == 5000
    assert taken < 50


def test_what_breaks_the_upload_reaches_the_reader() -> None:
    def chunks() -> Iterator[bytes]:
        yield f"{ADA}\n".encode() * 5000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        list(open_file(chunks(), max_rows=10_000, max_row_chars=100).rows)


_CELLS = st.sampled_from(
    (ADA, SALES_ID, "", "Ada", "Zoë", "\u2028", '"', '"a\r\nb"', "\r", "\n", "\r\n", ",", ";")
)


@given(
    st.lists(_CELLS).map(",".join),
    st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "cp1252")),
    st.lists(st.integers(min_value=0, max_value=40)),
)
def test_rows_do_not_depend_on_the_chunks(text: str, codec: str, sizes: list[int]) -> None:
    data = f"URL,Name,Company\r\n{ADA},A,B\r\n{text}".encode(codec, errors="replace")
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size

    assert _outcome([*pieces, data[start:]]) == _outcome([data])


@given(st.binary(max_size=300), st.sampled_from((b"", b"URL,Name\n", b"\xff\xfe", b"\xfe\xff")))
def test_any_bytes_give_rows_or_a_reason(tail: bytes, start: bytes) -> None:
    for row in _outcome([start + tail])[0]:
        assert bool(row.identities) is (row.problem is None)
        "".join(row.fields.values()).encode()  # nothing that cannot be stored


def _outcome(chunks: list[bytes]) -> tuple[list[ImportedRow], str]:
    rows: list[ImportedRow] = []
    try:
        rows.extend(open_file(chunks, max_rows=100, max_row_chars=1000).rows)
    except UnreadableFileError as error:
        return rows, error.message
    return rows, ""


def test_of_a_long_value_a_batch_holds_the_beginning() -> None:
    # Every value of a row as long as a row may be: 2,000 such rows are held at a time.
    long = "x" * 40_000
    text = f"URL,Name,Company\n{ADA},{long},{long}\nhttps://example.com/{long},Ada,Acme\n"
    rows = list(open_file([text.encode()], max_rows=10, max_row_chars=100_000).rows)
    values = [value for row in rows for value in row.fields.values()]
    assert {len(value) for value in values} >= {2_000}
    assert max(map(len, values)) == 2_000
