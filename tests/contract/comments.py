"""What the .proto files say of a field or a method."""

from itertools import takewhile
from pathlib import Path

_PROTOS = Path(__file__).parents[2] / "protos"


def comment_of(file: str, declaration: str) -> str:
    """The comment right above the line that begins so, in one line."""
    lines = [line.strip() for line in (_PROTOS / file).read_text().splitlines()]
    (place,) = [index for index, line in enumerate(lines) if line.startswith(declaration)]
    above = takewhile(lambda line: line.startswith("//"), reversed(lines[:place]))
    return " ".join(line.removeprefix("//").strip() for line in reversed(list(above)))
