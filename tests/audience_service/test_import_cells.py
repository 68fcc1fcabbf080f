"""Cells of files for spreadsheets."""

import pytest

from audience_service.import_files import (
    neutralise_cell,
)


@pytest.mark.parametrize("start", list("=+-@\t\r\n＝＋－＠"))
def test_formulas_are_neutralised(start: str) -> None:
    assert neutralise_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "Ada", "1-1", "a=b", "'=1", " x", "例"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert neutralise_cell(text) == text
