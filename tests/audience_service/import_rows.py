"""Rows of import files, for tests."""

from collections.abc import Iterator

from audience_service.import_files import ImportedRow, open_file

ADA = "https://www.linkedin.com/in/ada-lovelace"
SALES_ID = "ACwAAAcDMMQBo7X_2y-Zk1mPq0rStUvWxYz0123"


def rows_of(data: bytes | str, *, size: int = 7) -> list[ImportedRow]:
    """The rows of a file that arrives in chunks of ``size`` bytes."""
    chunks = chunks_of(data, size=size)
    return list(open_file(chunks, max_rows=100_000, max_row_chars=10_000).rows)


def chunks_of(data: bytes | str, *, size: int) -> Iterator[bytes]:
    """The file in chunks."""
    raw = data.encode() if isinstance(data, str) else data
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


def aliases_of(rows: list[ImportedRow]) -> list[list[str]]:
    """The aliases of each row."""
    return [[identity.alias for identity in row.identities] for row in rows]
