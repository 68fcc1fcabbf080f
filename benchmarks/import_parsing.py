"""Rows a second of reading an import file, beside the bare csv module on the same bytes.

Run: python -m benchmarks.import_parsing [--rows 200000]
"""

import argparse
import csv
import io
import time
import tracemalloc
from collections.abc import Callable, Iterator

from audience_service.identity import canonical
from audience_service.import_files import open_file

_CHUNK_BYTES = 65_536
_HEADER = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\r\n"
_URLS = (
    "https://www.linkedin.com/in/ada-lovelace-{:x}",
    "https://uk.linkedin.com/in/ADA-LOVELACE-{:x}/",
    "http://linkedin.com/in/zoë-müller-{:x}?trk=contact",
    "https://www.linkedin.com/in/andré-{:x}",
    "https://www.linkedin.com/in/jos%C3%A9-garc%C3%ADa-{:x}",
)


def _urls(rows: int) -> Iterator[str]:
    for number in range(rows):
        yield _URLS[number % len(_URLS)].format(number)


def _file(rows: int) -> bytes:
    """Build a file in the format of LinkedIn's Connections.csv."""
    lines = (
        f'Ada,Lovelace,{url},,"Engines, Analytical Ltd.",Chief Engineer,15 Jun 2026\r\n'
        for url in _urls(rows)
    )
    return (_HEADER + "".join(lines)).encode()


def _chunks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _CHUNK_BYTES):
        yield data[start : start + _CHUNK_BYTES]


def _bare_csv(data: bytes) -> int:
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    return sum(1 for _ in csv.reader(text)) - 1


def _import(data: bytes) -> int:
    file = open_file(_chunks(data), max_rows=10_000_000, max_row_chars=65_536)
    return sum(1 for _ in file.rows)


def _rate(work: Callable[[], int]) -> float:
    """Return rows a second of the best of three runs."""
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        rows = work()
        best = max(best, rows / (time.perf_counter() - started))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    rows: int = parser.parse_args().rows
    data, urls = _file(rows), list(_urls(rows))

    floor = _rate(lambda: _bare_csv(data))
    names = _rate(lambda: sum(1 for url in urls if canonical(url)))
    whole = _rate(lambda: _import(data))
    tracemalloc.start()
    _import(data)
    peak = tracemalloc.get_traced_memory()[1]

    print(f"{rows:,} rows, {len(data) / 2**20:.1f} MiB")
    print(f"bare csv.reader           {floor:>9,.0f} rows/s  1.00")
    print(f"canonicalising alone      {names:>9,.0f} rows/s  {names / floor:.2f}")
    print(f"reading + canonicalising  {whole:>9,.0f} rows/s  {whole / floor:.2f}")
    print(f"most memory while reading {peak / 2**20:>9.1f} MiB")


if __name__ == "__main__":
    main()
