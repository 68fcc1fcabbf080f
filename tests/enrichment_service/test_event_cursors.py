"""Cursors: what goes in comes out, and nothing else is accepted."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment_service.event_cursors import (
    Cursor,
    Place,
    Position,
    StreamId,
    decode_cursor,
    encode_cursor,
)
from enrichment_service.event_filter import EventFilter, Selection, Shard
from enrichment_service.ports import PARTITIONS
from servicekit.errors import Code, ServiceError

numbers = st.integers(0, 2**64 - 1)
positions_by_partition = st.dictionaries(
    st.integers(0, PARTITIONS - 1),
    st.builds(
        Position,
        st.binary(min_size=4, max_size=4).map(bytes.hex),
        st.builds(StreamId, numbers, numbers),
    ),
)
ids = st.text("abc019-", max_size=63)
fingerprints = st.binary(min_size=8, max_size=8)


@st.composite
def cursors(draw: st.DrawFn) -> Cursor:
    positions = draw(positions_by_partition)
    if not positions or draw(st.booleans()):
        return Cursor(positions)
    enrichment = f"{draw(ids)}/{draw(ids)}"
    return Cursor(positions, Place(draw(st.sampled_from(sorted(positions))), enrichment, draw(ids)))


@given(cursor=cursors(), fingerprint=fingerprints)
def test_a_cursor_gives_back_what_it_holds(cursor: Cursor, fingerprint: bytes) -> None:
    text = encode_cursor(cursor, fingerprint=fingerprint)
    assert len(text) <= 4096
    partitions = frozenset(cursor.positions)
    assert cursor == decode_cursor(
        text, fingerprint=fingerprint, partitions=partitions, field="after_cursor"
    )


@given(
    cursor=cursors(),
    place=st.integers(min_value=0),
    bit=st.integers(0, 7),
)
def test_a_changed_bit_is_noticed(cursor: Cursor, place: int, bit: int) -> None:
    text = encode_cursor(cursor, fingerprint=b"filter.1")
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[place % len(raw)] ^= 1 << bit
    changed = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    assert _refusal(changed, partitions=frozenset(cursor.positions)) == "CURSOR_MALFORMED"


@given(text=st.text(max_size=200))
def test_any_text_is_refused_and_never_fails(text: str) -> None:
    assert _refusal(text, partitions=frozenset()) == "CURSOR_MALFORMED"


def test_a_cursor_of_another_filter_is_told_from_a_malformed_one() -> None:
    cursor = encode_cursor(Cursor({}), fingerprint=b"filter.2")
    assert _refusal(cursor, partitions=frozenset()) == "CURSOR_OF_OTHER_FILTER"


def test_the_order_of_lists_makes_no_other_filter_but_the_shard_does() -> None:
    names = ["w/a", "w/b", "v/a"]
    selection = Selection(filter=EventFilter(accounts=frozenset(names)))
    same = Selection(filter=EventFilter(accounts=frozenset(reversed(names))))
    other_list = Selection(filter=EventFilter(enrichments=frozenset(names)))
    other_shard = Selection(filter=selection.filter, shard=Shard(index=0, count=2))
    assert selection.fingerprint() == same.fingerprint()
    assert selection.fingerprint() != other_list.fingerprint()
    assert selection.fingerprint() != other_shard.fingerprint()


def _refusal(cursor: str, *, partitions: frozenset[int]) -> str:
    with pytest.raises(ServiceError) as caught:
        decode_cursor(cursor, fingerprint=b"filter.1", partitions=partitions, field="after_cursor")
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert [violation.field for violation in caught.value.violations] == ["after_cursor"]
    return caught.value.reason
