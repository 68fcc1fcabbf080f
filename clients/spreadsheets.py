"""Members as rows of a CSV file: no spreadsheet executes it, and it imports as the same people."""

import csv
from collections.abc import Iterable
from typing import Final, TextIO

from audience.v1.audiences_pb2 import Member, MemberState

# What starts a formula (domain: = + - @ tab CR), a newline, and the full-width forms of the signs.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PROFILE: Final = "https://www.linkedin.com/in/"

# Imports know the first eight by name; the public address goes before the id.
COLUMNS: Final = (
    "LinkedIn URL",
    "First Name",
    "Last Name",
    "Headline",
    "Company",
    "Title",
    "Location",
    "LinkedIn URL Unique ID",
    "State",
    "Prospect",
)


def neutralise_cell(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula: an apostrophe goes first.

    A text that looks neutralised already gets another one, so that an import can take it off.
    """
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA_STARTS) else text


class MemberWriter:
    """Writes members to a file that was opened with ``newline=""``."""

    def __init__(self, file: TextIO) -> None:
        self._csv = csv.writer(file)
        self._csv.writerow(COLUMNS)

    def write(self, members: Iterable[Member]) -> None:
        """Append a row for each."""
        self._csv.writerows(map(_row, members))


def _row(member: Member) -> list[str]:
    person = member.prospect
    cells = (
        person.profile_url,
        person.first_name,
        person.last_name,
        person.headline,
        person.company,
        person.title,
        person.location,
        _PROFILE + person.provider_id if person.provider_id else "",
        MemberState.Name(member.state).removeprefix("MEMBER_STATE_").lower(),
        person.name,
    )
    return [neutralise_cell(cell) for cell in cells]
