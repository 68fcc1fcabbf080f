"""Damaged files: rows or a reason, in bounded memory, and never half an import."""

import random
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience_service.import_files import UnreadableFileError, UnreadableReason, open_file
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from tests.audience_service.calls import SAMPLES, create, get, import_bytes

HEADS = [path.read_bytes()[:3_000] for path in sorted(SAMPLES.iterdir())]
# What has a meaning somewhere in a file: quotes, delimiters, newlines, marks, half a character.
PIECES = [
    *(b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\0", b"'", b"=", b"%", b"\\"),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xc3",
        b"\xe2\x80\xa8",
        b"\x85",
        b"\xed\xa0\x80",
    ),
    *(b"URL", b"https://www.linkedin.com/in/", b"PK\x03\x04", b"x" * 500, b'"' * 50, b"," * 300),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample with some of its bytes cut out, doubled, overwritten or put in."""
    data = draw(st.sampled_from(HEADS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from((0, 0, 1, 2, 40, 400)))
        cut = data[start : start + length]
        piece = draw(st.sampled_from((*PIECES, cut * 2)) | st.binary(max_size=4))
        data = data[:start] + piece + data[start + length :]
    return data


@settings(max_examples=200)
@given(damaged(), st.sampled_from((1, 7, 4096)))
def test_a_damaged_file_gives_rows_or_a_reason(data: bytes, size: int) -> None:
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    last = 0
    # Anything else that is raised fails the test.
    with suppress(UnreadableFileError):
        for row in open_file(chunks, max_rows=1_000, max_row_chars=2_000).rows:
            assert row.number > last
            assert bool(row.identities) is (row.problem is None)
            "".join(row.fields.values()).encode()
            last = row.number


@pytest.mark.parametrize("start", [b"", b"URL,Name\nlinkedin.com/in/ada-x,A\n"])
@pytest.mark.parametrize("piece", [b"x", b'"', b",", b'"\n', b"a,b\n", b"\xff", b"=\r", b"\n" * 9])
def test_no_file_takes_unbounded_memory(start: bytes, piece: bytes) -> None:
    block = piece * (65_536 // len(piece))

    def chunks() -> Iterator[bytes]:
        yield start
        # Short rows are many: fewer of them tell as much.
        for _ in range(2 if b"\n" in piece else 32):
            yield block

    tracemalloc.start()
    try:
        with suppress(UnreadableFileError):
            for _ in open_file(chunks(), max_rows=1_000, max_row_chars=10_000).rows:
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # What a format is recognised by (64 KiB) several times over; never a file of 2 MiB.
    assert peak < 1_500_000


async def outcome(client: AudienceClient, data: bytes, *, audience: str) -> tuple[str, int]:
    """What becomes of a file, and how many people joined."""
    try:
        receipt = await import_bytes(
            client, data, audience=audience, request_id=audience.rpartition("/")[2]
        )
    except RpcFailed as refused:
        return f"{refused.code().name} {refused.reason}", 0
    counted = (
        *(receipt.added, receipt.already_there, receipt.merged, receipt.no_profile),
        *(receipt.suppressed, receipt.erased, receipt.rejected),
    )
    assert sum(counted) == receipt.rows
    return "imported", receipt.added


async def test_a_damaged_file_is_imported_as_a_whole_or_not_at_all(client: AudienceClient) -> None:
    draw = random.Random(20_260_105)
    files = [(SAMPLES / name).read_bytes() for name in ("Connections.csv", "urls.txt")]
    outcomes: set[str] = set()
    for number in range(24):
        data = bytearray(draw.choice(files))
        for _ in range(draw.choice((1, 3))):
            start = draw.randrange(len(data))
            data[start : start + draw.choice((0, 1, 300))] = draw.choice(PIECES)
        audience = await create(client, f"fuzzed-{number:04}")
        became, joined = await outcome(client, bytes(data), audience=audience)
        assert (await get(client, audience)).progress.members == joined
        outcomes.add(became)
    expected = {f"INVALID_ARGUMENT {each.value}" for each in UnreadableReason}
    assert outcomes <= {"imported", *expected}
    # Some of each, or the damage proves nothing.
    assert "imported" in outcomes
    assert len(outcomes) > 1
