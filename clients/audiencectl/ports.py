"""Ports of this machine's loopback for the processes of a stack."""

import random
import socket
from collections.abc import Mapping

from clients.audiencectl.child import StackError


def choose_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """A port of its own for each name; 0 takes a free one. StackError when one is taken."""
    chosen: dict[str, int] = {}
    # Those that are given come first: none of them may be taken as a free one.
    for name, port in sorted(wanted.items(), key=lambda each: each[1] == 0):
        if port and not _is_free(port):
            raise StackError(
                f"Port {port} is taken. Give another one with --{name}-port, or 0 for a free one."
            )
        chosen[name] = port or _free_port(chosen)
    return chosen


def _free_port(chosen: Mapping[str, int]) -> int:
    """Below those that outgoing connections are given.

    From that other range a client that looks for a dead server could end up connected to itself.
    """
    while (port := random.randint(20_000, 32_000)) in chosen.values() or not _is_free(port):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # What ended a moment ago does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
