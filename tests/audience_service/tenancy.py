"""Refuses statements that could reach another workspace."""

from typing import Any

from sqlalchemy import Alias, Insert, Table
from sqlalchemy.engine import Connection
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement, ColumnClause
from sqlalchemy.sql.selectable import FromClause

from audience_service.sql.audiences import EVERY_WORKSPACE
from audience_service.sql.schema import metadata
from audience_service.sql.work_schema import erasure_keys, event_cursors

TENANT_TABLES = {table.name for table in metadata.tables.values()} - {
    erasure_keys.name,
    event_cursors.name,
}


class TenancyError(AssertionError):
    """A statement without a workspace for every table in it."""


def refuse_without_workspace(
    _connection: Connection,
    statement: Any,
    many: Any,
    single: Any,
    options: dict[str, Any],
) -> None:
    """A listener for ``before_execute``."""
    if not isinstance(statement, ClauseElement) or options.get(next(iter(EVERY_WORKSPACE))):
        return
    if isinstance(statement, Insert) and statement.select is not None:
        # The rows take their workspace from the query.
        statement = statement.select
    elif isinstance(statement, Insert):
        rows = many or ([single] if single else [statement.compile().params])
        if _table_name(statement.table) in TENANT_TABLES and not all(
            row.get("workspace") for row in rows
        ):
            raise TenancyError(f"{_table_name(statement.table)}: inserted without a workspace")
        return
    bound = _bound_to_workspace(statement)
    for element in visitors.iterate(statement):
        if isinstance(element, Table | Alias) and _table_name(element) in TENANT_TABLES:
            if isinstance(element, Table) and _is_only_aliased(statement, element):
                continue
            if element.name not in bound:
                raise TenancyError(f"{element.name}: no workspace in\n{statement}")


def _bound_to_workspace(statement: ClauseElement) -> set[str]:
    found: set[str] = set()
    for element in visitors.iterate(statement):
        if isinstance(element, BinaryExpression) and element.operator is operators.eq:
            for side in (element.left, element.right):
                if isinstance(side, ColumnClause) and side.name == "workspace":
                    found.add(str(getattr(side.table, "name", "")))
    return found


def _is_only_aliased(statement: ClauseElement, table: Table) -> bool:
    """Whether a table stands in the statement under another name only."""
    columns = [
        each
        for each in visitors.iterate(statement)
        if isinstance(each, ColumnClause) and each.table is table
    ]
    return not columns


def _table_name(element: FromClause[Any]) -> str:
    return str(getattr(element.element if isinstance(element, Alias) else element, "name", ""))
