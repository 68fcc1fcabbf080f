"""Which names a file has had so far, in 8 bytes a name."""

from array import array
from bisect import bisect_left
from hashlib import blake2b
from heapq import merge
from typing import Final

_RECENT: Final = 20_000


class SeenNames:
    """A set of texts that only grows; two texts are one when 64 bits of their hashes agree.

    The newest are in a set, all others in sorted runs, each at least twice as long as the next: a
    look-up asks a few of them, and adding costs a few merges.
    """

    def __init__(self, *, recent: int = _RECENT) -> None:
        self._most_recent = recent
        self._recent: set[int] = set()
        self._runs: list[array[int]] = []

    def __contains__(self, text: str) -> bool:
        key = _hash(text)
        return key in self._recent or any(_is_in(run, key) for run in self._runs)

    def add(self, text: str) -> None:
        """Remember a text."""
        self._recent.add(_hash(text))
        if len(self._recent) >= self._most_recent:
            self._settle()

    def _settle(self) -> None:
        """Make a run of the newest, and one of neighbours that are of like length."""
        new = array("Q", sorted(self._recent))
        self._recent.clear()
        while self._runs and len(self._runs[-1]) < 2 * len(new):
            new = array("Q", merge(self._runs.pop(), new))
        self._runs.append(new)


def _is_in(run: "array[int]", key: int) -> bool:
    place = bisect_left(run, key)
    return place < len(run) and run[place] == key


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest())
