"""Ports of a stack: each its own, however many are chosen."""

import random
import socket

import pytest

from clients.audiencectl.child import StackError
from clients.audiencectl.ports import choose_ports


def test_no_port_is_chosen_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(7)
    monkeypatch.setattr(random, "randint", lambda first, _last: dice.randint(first, first + 50))
    chosen = choose_ports({str(number): 0 for number in range(20)})
    assert len(set(chosen.values())) == 20


def test_a_given_port_is_not_taken_as_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([21_000, 21_000, 21_001])
    monkeypatch.setattr(random, "randint", lambda _first, _last: next(drawn))
    given = choose_ports({"store": 0})["store"]
    assert choose_ports({"store": 0, "audience": given})["store"] != given


def test_a_port_that_is_taken_is_told_with_its_option() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(StackError, match="--audience-port"):
            choose_ports({"audience": other.getsockname()[1]})
