"""What SQLite and PostgreSQL say differently."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, Boolean, ColumnElement, Dialect, String, TypeDecorator, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

LAST_CHARACTER: Final = "\U0010ffff"
"""Sorts behind every other: ``prefix <= column < prefix + LAST_CHARACTER`` finds a prefix."""


class _Texts(TypeDecorator[Sequence[str]]):
    """Any number of texts as one parameter: an array of PostgreSQL, elsewhere a JSON array."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(String))
        return dialect.type_descriptor(String())

    def process_bind_param(
        self, value: Sequence[str] | None, dialect: Dialect
    ) -> Sequence[str] | str | None:
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps(value, ensure_ascii=False)


class _OneOf(FunctionElement[bool]):
    """Whether the first clause is among the texts of the second."""

    name = "one_of"
    type = Boolean()
    inherit_cache = True


@compiles(_OneOf, "postgresql")
def _in_postgresql(element: _OneOf, compiler: SQLCompiler, **options: Any) -> str:
    # A condition of the index, whatever the planner believes. Of a subquery it makes a join, and of
    # a workspace that has grown since the last ANALYZE it would read every row for that.
    column, texts = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = ANY (CAST({texts} AS TEXT[]))"


@compiles(_OneOf, "sqlite")
def _in_sqlite(element: _OneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({texts}))"


def one_of(column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """Whether a text column equals one of any number of values, as one bound parameter."""
    return _OneOf(column, bindparam(None, list(values), _Texts, unique=True))
