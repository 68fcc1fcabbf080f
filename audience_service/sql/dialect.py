"""What SQLite and PostgreSQL say differently."""

import json
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, String, bindparam, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

LAST_CHARACTER: Final = "\U0010ffff"
"""Sorts behind every other: ``prefix <= column < prefix + LAST_CHARACTER`` finds a prefix."""


class _Texts(FunctionElement[str]):
    """The texts in a JSON array, as rows with the column ``value``."""

    name = "texts"
    type = String()
    inherit_cache = True


@compiles(_Texts)
def _in_postgresql(element: _Texts, compiler: SQLCompiler, **options: Any) -> str:
    return (
        f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS jsonb))"
    )


@compiles(_Texts, "sqlite")
def _in_sqlite(element: _Texts, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


def one_of(column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """Whether a text column equals one of any number of values, as one bound parameter."""
    listed = bindparam(None, json.dumps(list(values), ensure_ascii=False), String, unique=True)
    return column.in_(select(_Texts(listed).table_valued("value").c.value))
