"""Pauses between tries: they double up to a limit and are drawn at random from their upper half."""

import random


class Backoff:
    """The pauses of one series of tries, in seconds; ``reset`` begins the series anew."""

    def __init__(self, *, first: float = 0.1, longest: float = 5.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def reset(self) -> None:
        """Something worked: the next failure is a first one."""
        self._next = self._first

    def next_pause(self) -> float:
        """The next pause. Jitter keeps clients that failed together from coming back together."""
        pause = self._next
        self._next = min(2 * pause, self._longest)
        return random.uniform(pause / 2, pause)
