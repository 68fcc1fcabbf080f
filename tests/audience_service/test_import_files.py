"""Import files: the samples, the formats, the encodings, and what is refused."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience_service.identity import Identity, Rejection
from audience_service.import_files import (
    FileKind,
    ImportedRow,
    UnreadableFileError,
    UnreadableReason,
    neutralise_cell,
    open_file,
    read_rows,
)

_SAMPLES = Path(__file__).parents[2] / "clients" / "samples"
_ADA = "https://www.linkedin.com/in/ada-lovelace"
_SALES_ID = "ACwAAAcDMMQBo7X_2y-Zk1mPq0rStUvWxYz0123"


def _rows(data: bytes | str, *, size: int = 7) -> list[ImportedRow]:
    return list(read_rows(_chunks(data, size=size), max_rows=100_000, max_row_chars=10_000))


def _chunks(data: bytes | str, *, size: int) -> Iterator[bytes]:
    raw = data.encode() if isinstance(data, str) else data
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


def _aliases(rows: list[ImportedRow]) -> list[list[str]]:
    return [[identity.alias for identity in row.identities] for row in rows]


def _classes(rows: list[ImportedRow]) -> Counter[str]:
    """Count rows as an import does: a person is known by any earlier identity."""
    seen: set[Identity] = set()
    classes: Counter[str] = Counter()
    for row in rows:
        known = not seen.isdisjoint(row.identities)
        classes[row.problem or ("REPEATED" if known else "NEW")] += 1
        seen.update(row.identities)
    return classes


def _sample(name: str) -> list[ImportedRow]:
    return _rows((_SAMPLES / name).read_bytes(), size=4096)


def test_the_sample_of_linkedin_connections() -> None:
    rows = _sample("Connections.csv")

    assert [row.number for row in rows] == list(range(5, 1005))
    assert _classes(rows) == {
        "NEW": 960,
        "REPEATED": 18,
        Rejection.NO_URL: 18,
        Rejection.NOT_LINKEDIN: 2,
        Rejection.NOT_A_PERSON: 1,
        Rejection.UNAVAILABLE: 1,
    }


def test_the_sample_of_a_sales_navigator_export() -> None:
    rows = _sample("sales_navigator_export.csv")

    assert _classes(rows) == {"NEW": 300}
    assert {tuple(alias.partition(":")[0] for alias in row) for row in _aliases(rows)} == {
        ("in", "sales")
    }


def test_the_sample_of_a_bare_list() -> None:
    assert _classes(_sample("urls.txt")) == {"NEW": 300}


def test_the_samples_overlap_as_far_as_ids_alone_can_tell() -> None:
    connections, sales, urls = (
        {identity for row in _sample(name) for identity in row.identities}
        for name in ("Connections.csv", "sales_navigator_export.csv", "urls.txt")
    )

    assert len(connections & sales) == 100
    assert 0 < len(sales & urls) < 60, "some are known only under another id"


_PREAMBLE = 'Notes:\r\n"When exporting,\nsome are missing, ""sorry"""\r\n\r\n'
_CONNECTIONS = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\r\n"


def test_linkedin_connections_with_preamble_and_people_without_profile() -> None:
    data = (
        f"\ufeff{_PREAMBLE}{_CONNECTIONS}"
        f'Ada,Lovelace,{_ADA},,"Engines, Ltd","Chief\nEngineer",15 Jun 2026\r\n'
        ",,,,,,30 Apr 2026\r\n\r\nRestricted,Member,,,,,02 Feb 2022\r\n,,,,,,\r\n"
    )
    file = open_file(_chunks(data, size=5), max_rows=10, max_row_chars=1000)

    assert (file.format.kind, file.format.header_row) == (FileKind.LINKEDIN_CONNECTIONS, 4)
    assert (file.format.encoding, file.format.delimiter) == ("utf-8-sig", ",")
    ada, dated, restricted = file
    assert ada == ImportedRow(
        number=5,
        raw_url=_ADA,
        identities=(Identity("in:ada-lovelace"),),
        fields={
            "first_name": "Ada",
            "last_name": "Lovelace",
            "company": "Engines, Ltd",
            "title": "Chief\nEngineer",
            "connected_on": "15 Jun 2026",
        },
        problem=None,
    )
    assert (dated.number, dated.problem, dated.raw_url) == (6, Rejection.NO_URL, "")
    assert (restricted.number, restricted.problem) == (8, Rejection.NO_URL)


@pytest.mark.parametrize(
    ("kind", "header", "row", "aliases"),
    [
        (
            FileKind.SALES_NAVIGATOR,
            "profileUrl,fullName,companyName,title,vmid,linkedInProfileUrl,defaultProfileUrl",
            f'"linkedin.com/sales/lead/{_SALES_ID},NAME_SEARCH,a",Ada L,E,CTO,{_SALES_ID},,{_ADA}',
            ["in:ada-lovelace", f"sales:{_SALES_ID}"],
        ),
        (
            FileKind.SALES_NAVIGATOR,
            "profileUrl,fullName,companyName,title,vmid,linkedInProfileUrl,defaultProfileUrl",
            f",Ada L,E,CTO,{_SALES_ID},,",
            [f"sales:{_SALES_ID}"],
        ),
        (
            FileKind.EVABOOT,
            "First Name,Current Job,Linkedin URL Unique ID,Linkedin URL Public,Company Name",
            f"Ada,CTO,https://www.linkedin.com/in/{_SALES_ID},{_ADA},E",
            ["in:ada-lovelace", f"sales:{_SALES_ID}"],
        ),
        (
            FileKind.HEYREACH,
            "profileUrl,firstName,lastName,emailAddress,companyName,position",
            f"{_ADA},Ada,L,,E,CTO",
            ["in:ada-lovelace"],
        ),
        (FileKind.TABLE, "Company;Person Linkedin Url;Title", f"E;{_ADA};CTO", ["in:ada-lovelace"]),
        (FileKind.TABLE, "linkedin_url\tcompany\ttitle", f"{_ADA}\tE\tCTO", ["in:ada-lovelace"]),
        (FileKind.TABLE, "company,title,Contact", f"E,CTO,{_ADA}", ["in:ada-lovelace"]),
    ],
)
def test_each_export_is_recognised(
    kind: FileKind, header: str, row: str, aliases: list[str]
) -> None:
    file = open_file([f"{header}\n{row}\n".encode()], max_rows=1, max_row_chars=1000)
    rows = list(file)

    assert file.format.kind is kind
    assert _aliases(rows) == [aliases]
    assert rows[0].number == 2
    assert rows[0].fields["company"] == "E"
    assert rows[0].fields["title"] == "CTO"


@pytest.mark.parametrize(
    "name",
    ["LinkedIn URL", "LinkedIn Profile", "linkedin_url", "linkedinUrl", "Profile URL", "url"],
)
def test_a_single_column_may_carry_any_of_the_usual_names(name: str) -> None:
    (row,) = _rows(f"{name}\n{_ADA}\n")

    assert (row.number, row.identities) == (2, (Identity("in:ada-lovelace"),))


def test_a_list_without_header_counts_from_its_first_line() -> None:
    data = f"{_ADA}\n\nhttps://www.linkedin.com/company/acme\nlinkedin.com/in/grace-hopper"

    rows = _rows(data)

    assert [(row.number, row.problem) for row in rows] == [
        (1, None),
        (3, Rejection.NOT_A_PERSON),
        (4, None),
    ]
    assert rows[1].raw_url == "https://www.linkedin.com/company/acme"


def test_a_bad_url_does_not_hide_a_good_one_in_another_column() -> None:
    header = "defaultProfileUrl,linkedInProfileUrl,profileUrl\n"

    (row,) = _rows(f"{header}https://www.linkedin.com/company/acme,{_ADA},\n")

    assert (row.raw_url, row.problem) == (_ADA, None)
    assert row.identities == (Identity("in:ada-lovelace"),)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_newline_ends_a_row_and_no_other_character_does(newline: str) -> None:
    lines = ("URL,Name,Company", f"{_ADA},A\u2028B\x85C\x0bD\x0cE,F", f'{_ADA},"G\nH",I')

    rows = _rows(newline.join(lines))

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
    data = mark + f"URL;First Name\n{_ADA};Zoë “€”\n".encode(codec)
    file = open_file(_chunks(data, size=3), max_rows=1, max_row_chars=1000)

    (row,) = file
    assert (file.format.encoding, row.fields) == (encoding, {"first_name": "Zoë “€”"})


def test_windows_1252_is_read_even_if_it_shows_late() -> None:
    data = b"URL,Name\n" + f"{_ADA},Ada\n".encode() * 2000 + f"{_ADA},Zoë\n".encode("cp1252")

    assert _rows(data, size=1000)[-1].fields == {"full_name": "Zoë"}


def test_a_stray_byte_does_not_spoil_a_file_in_utf_8() -> None:
    data = f"URL,Name\n{_ADA},Zoë Müller\n{_ADA},".encode() + b"Zo\xeb\n"

    assert [row.fields["full_name"] for row in _rows(data)] == ["Zoë Müller", "Zoë"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", UnreadableReason.EMPTY_FILE),
        (b"\xef\xbb\xbf\r\n \r\n", UnreadableReason.EMPTY_FILE),
        (b"PK\x03\x04rest of a workbook", UnreadableReason.NOT_A_TABLE),
        (b"%PDF-1.7\n", UnreadableReason.NOT_A_TABLE),
        (b"\x00\x01\x02\x03" * 100, UnreadableReason.NOT_A_TABLE),
        (b"URL\n" + _ADA.encode() * 3000 + b"\0", UnreadableReason.ROW_TOO_LONG),
        (f"URL\n{_ADA}\n".encode() * 2000 + b"\0\n", UnreadableReason.NOT_A_TABLE),
        (b"First Name,Last Name,Email Address\nAda,L,\n", UnreadableReason.NO_PROFILE_COLUMN),
        (b"some words\nand others\n", UnreadableReason.NO_PROFILE_COLUMN),
        (f'URL,Name\n{_ADA},"Ada\n{_ADA},B\n'.encode(), UnreadableReason.UNCLOSED_QUOTE),
        (f'URL,Name\n{_ADA},"A\n'.encode() + b"x,y\n" * 9999, UnreadableReason.ROW_TOO_LONG),
        (b"x" * 20_000, UnreadableReason.ROW_TOO_LONG),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, reason: UnreadableReason) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        _rows(data, size=1000)

    assert caught.value.reason is reason
    assert "lovelace" not in caught.value.message


def test_the_row_of_an_open_quote_is_named() -> None:
    with pytest.raises(UnreadableFileError, match="Row 3 opens"):
        _rows(f'URL,Name\n{_ADA},"A\nB"\n{_ADA},"C\n{_ADA},D\n')


def test_an_open_quote_that_a_later_row_closes_swallows_nobody_silently() -> None:
    with pytest.raises(UnreadableFileError, match="Row 2 opens"):
        _rows(f'URL,Name\n{_ADA},"A\n{_ADA}-2,B\n{_ADA}-3,"C"\n')


def test_sloppy_quotes_within_a_line_are_let_through() -> None:
    rows = _rows(f'URL,Name\n{_ADA},"A" B\n{_ADA}-2,C "D" E\n')

    assert [row.fields["full_name"] for row in rows] == ["A B", 'C "D" E']


def test_too_many_rows_are_refused_after_the_last_allowed_one() -> None:
    rows = read_rows([f"URL\n{_ADA}\n{_ADA}\n{_ADA}\n".encode()], max_rows=2, max_row_chars=100)

    assert [next(rows).number, next(rows).number] == [2, 3]
    with pytest.raises(UnreadableFileError, match="more than 2 rows"):
        next(rows)


def test_rows_come_while_the_file_is_still_arriving() -> None:
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield f"{_ADA}\n".encode() * 500

    rows = read_rows(chunks(), max_rows=10_000, max_row_chars=100)

    assert [next(rows).number for _ in range(5000)][-1] == 5000
    assert taken < 50


def test_what_breaks_the_upload_reaches_the_reader() -> None:
    def chunks() -> Iterator[bytes]:
        yield f"{_ADA}\n".encode() * 5000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        list(read_rows(chunks(), max_rows=10_000, max_row_chars=100))


_CELLS = st.sampled_from(
    (_ADA, _SALES_ID, "", "Ada", "Zoë", "\u2028", '"', '"a\r\nb"', "\r", "\n", "\r\n", ",", ";")
)


@given(
    st.lists(_CELLS).map(",".join),
    st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "cp1252")),
    st.lists(st.integers(min_value=0, max_value=40)),
)
def test_rows_do_not_depend_on_the_chunks(text: str, codec: str, sizes: list[int]) -> None:
    data = f"URL,Name,Company\r\n{_ADA},A,B\r\n{text}".encode(codec, errors="replace")
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size

    assert _outcome([*pieces, data[start:]]) == _outcome([data])


@given(st.binary(max_size=300), st.sampled_from((b"", b"URL,Name\n", b"\xff\xfe", b"\xfe\xff")))
def test_any_bytes_give_rows_or_a_reason(tail: bytes, start: bytes) -> None:
    for row in _outcome([start + tail])[0]:
        assert bool(row.identities) is (row.problem is None)
        "".join((row.raw_url, *row.fields.values())).encode()  # nothing that cannot be stored


def _outcome(chunks: list[bytes]) -> tuple[list[ImportedRow], str]:
    rows: list[ImportedRow] = []
    try:
        rows.extend(read_rows(chunks, max_rows=100, max_row_chars=1000))
    except UnreadableFileError as error:
        return rows, error.message
    return rows, ""


@pytest.mark.parametrize("start", list("=+-@\t\r\n＝＋－＠"))
def test_formulas_are_neutralised(start: str) -> None:
    assert neutralise_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "Ada", "1-1", "a=b", "'=1", " x", "例"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert neutralise_cell(text) == text
