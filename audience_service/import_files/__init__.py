"""Files of people, from any of the usual exports, read row by row in bounded memory."""

from audience_service.import_files.columns import FileKind
from audience_service.import_files.errors import UnreadableFileError, UnreadableReason
from audience_service.import_files.reader import ImportedRow, ImportFile, open_file

__all__ = [
    "FileKind",
    "ImportFile",
    "ImportedRow",
    "UnreadableFileError",
    "UnreadableReason",
    "open_file",
]
