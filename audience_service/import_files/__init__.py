"""Files of people, from any of the usual exports, read row by row in bounded memory."""

from audience_service.import_files.columns import FileKind
from audience_service.import_files.errors import UnreadableFileError, UnreadableReason
from audience_service.import_files.reader import (
    FileFormat,
    ImportedRow,
    ImportFile,
    open_file,
    read_rows,
)

__all__ = [
    "FileFormat",
    "FileKind",
    "ImportFile",
    "ImportedRow",
    "UnreadableFileError",
    "UnreadableReason",
    "open_file",
    "read_rows",
]
