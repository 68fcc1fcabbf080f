"""Many values for a call that takes 500 at a time: from the command line, a file, or a pipe."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Annotated, Final, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from clients.audiencectl.failures import USAGE, refuse

ValueT = TypeVar("ValueT")

BATCH_SIZE: Final = 500

FileOption = Annotated[
    typer.FileText | None,
    typer.Option(
        "--file",
        encoding="utf-8-sig",
        help="Read more of them from a file, one a line; - is standard input.",
    ),
]


def values_of(
    given: Sequence[str] | None, file: Iterable[str] | None, *, what: str
) -> Iterator[str]:
    """The values of the command line, then the lines of the file; exit 2 when there are none."""
    lines = _stripped(file or ())
    values = (value for each in (given or (), lines) for value in each)
    first = next(values, None)
    if first is None:
        refuse(f"Give {what}, on the command line or with --file.", status=USAGE)
    yield first
    yield from values


def batched(values: Iterable[ValueT]) -> Iterator[list[ValueT]]:
    """The values in lists of at most 500."""
    rest = iter(values)
    while batch := list(islice(rest, BATCH_SIZE)):
        yield batch


@contextmanager
def counting(what: str) -> Generator["Counted"]:
    """A count on stderr of what is done, and nothing at all where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}: {task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield Counted(progress, what)


class Counted:
    """Counts what is done."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=None)

    def add(self, count: int) -> None:
        """So many more are done."""
        self._progress.advance(self._task, count)


def _stripped(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if value := line.strip():
            yield value
