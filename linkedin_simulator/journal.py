"""Append-only files of JSON lines that survive a kill of the process."""

import os
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path

import orjson

JsonObject = dict[str, object]


class Journal:
    """One file, one JSON object a line, numbered from 1 in file order.

    A line is handed to the kernel before `append` returns, so killing the process loses nothing
    (a power cut may). Only where each line begins is kept in memory.
    """

    def __init__(self, *, path: Path, replay: Callable[[JsonObject], None] | None = None) -> None:
        """Open or create the file, drop a torn last line and give every whole one to `replay`.

        Raises:
            ValueError: a line that is not the last one is no JSON object.
        """
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._starts = array("q")
        self._end = 0
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise ValueError(
                        f"{path} is damaged at byte {self._end} ({error}): move the file away"
                    ) from error
                self._starts.append(self._end)
                self._end += len(line)
                if replay is not None:
                    replay(entry)
        os.ftruncate(self._fd, self._end)

    def __len__(self) -> int:
        """How many lines there are, which is also the number of the last one."""
        return len(self._starts)

    def append(self, entry: JsonObject) -> None:
        """Write one line.

        Raises:
            OSError: the line could not be written; the file is as it was before.
        """
        line = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
        try:
            if os.write(self._fd, line) != len(line):
                raise OSError("the journal was written in part: is the disk full?")
        except OSError:
            os.ftruncate(self._fd, self._end)
            raise
        self._starts.append(self._end)
        self._end += len(line)

    def read(self, numbers: Iterable[int]) -> list[JsonObject]:
        """The lines with these numbers (from 1), in the order asked."""
        return [orjson.loads(self._line(number)) for number in numbers]

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _line(self, number: int) -> bytes:
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else self._end
        return os.pread(self._fd, end - start, start)
