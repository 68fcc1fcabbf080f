"""Cells of files that were written for spreadsheets."""

# What starts a formula (domain: = + - @ tab CR), a newline, and the full-width forms of the signs.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def original_cell(text: str) -> str:
    """The text without the apostrophe that keeps spreadsheets from taking it for a formula."""
    if text.startswith("'") and text.lstrip("'").startswith(_FORMULA_STARTS):
        return text[1:]
    return text
