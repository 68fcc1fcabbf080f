"""What callers may do who are known by their certificate: a TOML file, read again as it changes.

[callers."spiffe://example.org/campaign-engine"]
scopes = ["audiences.read", "views.spend"]
workspaces = ["acme"]
"""

import time
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from servicekit.callers import Caller, workspaces_of
from servicekit.settings import ConfigurationError
from servicekit.tokens import is_workspace

_log = structlog.get_logger("callers")

_LOOK_SECONDS: Final = 1.0


class CallersFile:
    """The callers by the name in their certificate. A new file that is broken changes nothing."""

    def __init__(self, path: Path) -> None:
        """ConfigurationError when the file cannot be read, or says what cannot be."""
        self._path = path
        self._looked = time.monotonic()
        try:
            self._version = self._look()
            self._callers = parse_callers(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{path}: {error}") from None

    def find(self, names: Iterable[str]) -> Caller | None:
        """The caller of the first of these names that the file has."""
        self._keep_fresh()
        return next((self._callers[name] for name in names if name in self._callers), None)

    def _keep_fresh(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        try:
            version = self._look()
            if version == self._version:
                return
            self._version = version
            self._callers = parse_callers(self._path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            _log.error("callers_not_read", exc_info=error, callers_kept=len(self._callers))
        else:
            _log.info("callers_read", callers=len(self._callers))

    def _look(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino


def parse_callers(text: str) -> dict[str, Caller]:
    """The callers in a file; ValueError says which entry is wrong, and how it must be."""
    document = tomllib.loads(text)
    entries = document.pop("callers", {})
    if document or not isinstance(entries, dict):
        raise ValueError('everything must lie in tables such as [callers."service.example.org"]')
    return {name: _parse(name, entry) for name, entry in entries.items()}


def _parse(name: str, entry: Mapping[str, Any]) -> Caller:
    match entry:
        case {"scopes": list(scopes), "workspaces": list(workspaces), **rest} if (
            not rest
            and all(isinstance(scope, str) for scope in scopes)
            and all(map(is_workspace, workspaces))
        ):
            return Caller(name=name, scopes=frozenset(scopes), workspaces=workspaces_of(workspaces))
        case _:
            raise ValueError(
                f'callers."{name}" must have scopes = ["…"] and workspaces = ["…"], ids or "*", '
                "and nothing else"
            )
