"""The names that a file has had: against a plain set, and in bounded memory."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from audience_service.seen_names import SeenNames


@given(st.lists(st.text(max_size=3)), st.integers(1, 5))
def test_names_are_known_once_they_were_seen(names: list[str], recent: int) -> None:
    seen, plain = SeenNames(recent=recent), set[str]()
    for name in names:
        assert (name in seen) == (name in plain)
        seen.add(name)
        plain.add(name)
    assert all(name in seen for name in plain)


def test_a_name_takes_few_bytes() -> None:
    seen = SeenNames(recent=1_000)
    tracemalloc.start()
    try:
        for number in range(60_000):
            seen.add(f"in:person-{number}")
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Twice as much while two runs become one.
    assert size < 60_000 * 10 + 200_000
    assert peak < 60_000 * 20 + 400_000
