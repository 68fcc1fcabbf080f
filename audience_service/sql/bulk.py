"""Inserts thousands of rows: SQLAlchemy's handling of every parameter would be half the cost."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import orjson
from psycopg import AsyncConnection as PostgresConnection
from sqlalchemy import JSON, Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

# From so many rows on. Fewer take the common way, whose errors SQLAlchemy translates.
_MANY: Final = 200
_ROWS_A_BLOCK: Final = 500
# What COPY's text format gives a meaning to.
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


async def insert_rows(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows that all give the same columns, in the same order."""
    if len(rows) < _MANY:
        if rows:
            await connection.execute(insert(table), rows)
        return
    columns = list(rows[0])
    json = [name for name in columns if isinstance(table.c[name].type, JSON)]
    values = _values(rows, json=json)
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(columns))
        await connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", list(values)
        )
    else:
        await _copy(connection, f"{table.name} ({', '.join(columns)})", values)


def _values(rows: Sequence[Mapping[str, Any]], *, json: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        if json:
            row = {**row, **{name: orjson.dumps(row[name]).decode() for name in json}}
        yield tuple(row.values())


async def _copy(connection: AsyncConnection, into: str, rows: Iterator[tuple[Any, ...]]) -> None:
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, PostgresConnection)
    async with raw.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN".encode()) as copy:
        while block := list(islice(rows, _ROWS_A_BLOCK)):
            await copy.write("".join([_line(row) for row in block]))


def _line(row: tuple[Any, ...]) -> str:
    return "\t".join([_cell(value) for value in row]) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value if value.isalnum() else value.translate(_ESCAPES)
    return r"\N" if value is None else str(value)
