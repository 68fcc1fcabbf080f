"""Why a whole file cannot be imported."""

from enum import StrEnum


class UnreadableReason(StrEnum):
    """What is wrong with the file."""

    EMPTY_FILE = "EMPTY_FILE"
    NOT_A_TABLE = "NOT_A_TABLE"
    NO_PROFILE_COLUMN = "NO_PROFILE_COLUMN"
    ROW_TOO_LONG = "ROW_TOO_LONG"
    UNCLOSED_QUOTE = "UNCLOSED_QUOTE"
    TOO_MANY_ROWS = "TOO_MANY_ROWS"
    FILE_DAMAGED = "FILE_DAMAGED"


class UnreadableFileError(Exception):
    """The file cannot be imported; ``message`` says what to do and quotes nothing from the file."""

    def __init__(self, *, reason: UnreadableReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
