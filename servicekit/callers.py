"""Who calls, and what they may do."""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

ALL_WORKSPACES: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A calling service.

    Attributes:
        name: the `sub` of its token, the name in its certificate, or the host it calls from.
        scopes: what it may do; None: everything, because callers are not asked who they are.
        workspaces: ids of those that it may work in; None: all of them.
    """

    name: str
    scopes: frozenset[str] | None
    workspaces: frozenset[str] | None

    def may(self, scope: str) -> bool:
        """Whether it has the scope."""
        return self.scopes is None or scope in self.scopes


def workspaces_of(ids: Iterable[str]) -> frozenset[str] | None:
    """Ids as a caller has them: None when `*` is among them."""
    workspaces = frozenset(ids)
    return None if ALL_WORKSPACES in workspaces else workspaces


def anonymous(peer: str) -> Caller:
    """Whoever calls from a host, such as ``ipv4:127.0.0.1:50123``; all its connections are one."""
    return _of_host(peer.rpartition(":")[0] or peer)


@lru_cache(maxsize=1024)
def _of_host(host: str) -> Caller:
    return Caller(name=host, scopes=None, workspaces=None)


NOBODY: Final = Caller(name="", scopes=frozenset(), workspaces=frozenset())

# Set for the call under way; messages of a stream are parsed far from where it is known.
current_caller: ContextVar[Caller] = ContextVar("current_caller", default=NOBODY)
