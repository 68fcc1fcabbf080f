"""Cells of the files that are written for spreadsheets."""

# What starts a formula (domain: = + - @ tab CR), a newline, and the full-width forms of the signs.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutralise_cell(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula: an apostrophe goes first."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
