"""Bytes in any chunks to lines of text, in bounded memory."""

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from audience_service.import_files.errors import UnreadableFileError, UnreadableReason

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SAMPLE_BYTES = 65_536
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# ZIP and so every .xlsx, .ods and .numbers file; PDF; the old .xls; gzip; RTF.
_OTHER_FILES = (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"{\\rtf")
_NOT_IN_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")
_STRAY_BYTES = "windows-1252-for-stray-bytes"


def decode(chunks: Iterable[bytes]) -> io.TextIOWrapper:
    """Return the text, whose lines end at CR, LF or CRLF only.

    Only the bytes decide, never how they were cut into chunks. A byte that is not UTF-8 in a file
    that is UTF-8 otherwise is read as Windows-1252. Raises UnreadableFileError.
    """
    source = iter(chunks)
    head = bytearray()
    for chunk in source:
        head += chunk
        if len(head) >= _SAMPLE_BYTES:
            break
    encoding = _detect(bytes(head[:_SAMPLE_BYTES]))
    stream = io.BufferedReader(_ChunkStream(chain((bytes(head),), source)), _SAMPLE_BYTES)
    for mark, name in _BYTE_ORDER_MARKS:
        if encoding == name and name != "utf-8-sig" and head.startswith(mark):
            stream.read(len(mark))
    errors = _STRAY_BYTES if encoding.startswith("utf-8") else "replace"
    return io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")


def not_a_table() -> UnreadableFileError:
    """Return the error for a file that is no text."""
    return UnreadableFileError(
        reason=UnreadableReason.NOT_A_TABLE,
        message="This is no text file. Open it in a spreadsheet, save it as CSV, and import that.",
    )


def _detect(sample: bytes) -> str:
    """Name the encoding of a file from its first bytes."""
    for mark, name in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return name
    if sample.startswith(_OTHER_FILES):
        raise not_a_table()
    if b"\0" in sample:
        return _detect_utf16(sample)
    text = codecs.getincrementaldecoder("utf-8")(errors="replace").decode(sample)
    broken = text.count("\ufffd")
    beyond_ascii = sum(not char.isascii() for char in text)
    return "windows-1252" if broken > beyond_ascii - broken else "utf-8"


def _detect_utf16(sample: bytes) -> str:
    """Tell UTF-16 without a mark by its zeros: headers and URLs are ASCII, half of it zeros."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    text = sample.decode(encoding, errors="replace")
    if max(even, odd) * 5 >= len(sample) and not _NOT_IN_TEXT.search(text):
        return encoding
    raise not_a_table()


def _read_stray_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stray = error.object[error.start : error.end]
    return stray.decode("windows-1252", errors="replace"), error.end


codecs.register_error(_STRAY_BYTES, _read_stray_bytes)


class _ChunkStream(io.RawIOBase):
    """Chunks of bytes as the raw stream that the standard library reads from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        target = memoryview(buffer)
        taken = self._left[: len(target)]
        target[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)
