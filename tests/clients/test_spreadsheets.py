"""Exported files: no spreadsheet executes them, and imports read back what was written."""

import csv
import io

import pytest
from audience.v1 import audiences_pb2, prospects_pb2
from hypothesis import given
from hypothesis import strategies as st

from audience_service.import_files import FileKind, open_file
from audience_service.import_files.cells import original_cell
from clients.spreadsheets import MemberWriter, neutralise_cell

FORMULAS = tuple("=+-@\t\r\n＝＋－＠")
_CELLS = st.text(st.sampled_from(["'", *FORMULAS, "a", " ", '"', ",", "\u2028"]), max_size=6)
# As prospects had them when line breaks were kept: without NUL and blanks around them.
_VALUES = (_CELLS | st.text(max_size=20)).map(lambda text: text.replace("\0", "").strip())


@pytest.mark.parametrize("start", FORMULAS)
def test_formulas_are_neutralised(start: str) -> None:
    assert neutralise_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "Ada", "1-1", "a=b", "'n Doornik", " x", "例"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert neutralise_cell(text) == text
    assert original_cell(text) == text


@given(_CELLS)
def test_every_cell_comes_back(text: str) -> None:
    written = neutralise_cell(text)
    assert not written.startswith(FORMULAS)
    assert original_cell(written) == text


@given(st.lists(st.tuples(_VALUES, _VALUES, _VALUES), max_size=5), st.booleans())
def test_an_exported_file_is_read_as_the_same_people(
    people: list[tuple[str, str, str]], viewed: bool
) -> None:
    file = io.StringIO(newline="")
    writer = MemberWriter(file)
    key = "ACoAAAcDMMQBo7X_2y-Zk1mPq0rStUvWxYz0123"
    writer.write(
        audiences_pb2.Member(
            prospect=prospects_pb2.Prospect(
                name=f"workspaces/acme/prospects/{number:08}",
                profile_url=f"https://www.linkedin.com/in/person-{number}",
                provider_id=f"{key}{number}" if viewed else "",
                first_name=first,
                last_name=last,
                headline=headline,
            )
        )
        for number, (first, last, headline) in enumerate(people)
    )
    data = file.getvalue()
    assert not any(
        cell.startswith(FORMULAS) for row in csv.reader(io.StringIO(data)) for cell in row
    )
    opened = open_file([f"\ufeff{data}".encode()], max_rows=10, max_row_chars=10_000)
    rows = list(opened.rows)
    assert opened.kind is FileKind.TABLE
    assert [[each.alias for each in row.identities] for row in rows] == [
        [f"in:person-{number}", *([f"id:{key}{number}"] if viewed else [])]
        for number in range(len(people))
    ]
    assert [tuple(map(_joined, _names(row.fields))) for row in rows] == [
        tuple(map(_joined, each)) for each in people
    ]


def _names(fields: dict[str, str]) -> tuple[str, str, str]:
    return fields.get("first_name", ""), fields.get("last_name", ""), fields.get("headline", "")


def _joined(text: str) -> str:
    """A file's newlines, whichever they are, mean the same."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
