"""docs/audiencectl.md as data: the rows of its reference, and its examples."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PAGE = ROOT / "docs" / "audiencectl.md"
_ROW = re.compile(r"^\| `(?P<usage>[a-z][^`]*)` \| (`(?P<calls>\w+/\w+)`)? ?\| ", re.MULTILINE)


def text() -> str:
    """The page."""
    return _PAGE.read_text()


def calls_by_usage() -> dict[str, str]:
    """The method that the reference says each command calls, or nothing."""
    return {each["usage"]: each["calls"] or "" for each in _ROW.finditer(text())}


def examples() -> list[str]:
    """The lines of the examples, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def arguments(example: str, variables: Mapping[str, str]) -> list[str]:
    """The words of an example after `audiencectl`, with its variables filled in."""
    for name, value in variables.items():
        example = example.replace(f"${name}", value)
    program, *words = shlex.split(example)
    assert program == "audiencectl"
    return words


def variables_in(example: str) -> set[str]:
    """Names of the variables that an example uses."""
    return set(re.findall(r"\$([A-Z_]+)", example))


def command_of(words: list[str], known: Mapping[str, object]) -> str:
    """Which of the known commands these words call."""
    for length in (2, 1):
        if (path := " ".join(words[:length])) in known:
            return path
    raise AssertionError(f"no such command: {words}")
