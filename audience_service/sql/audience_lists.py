"""Lists of audiences: filters and orders, each on an index."""

from operator import eq, ge, gt, le, lt
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, literal, not_, select, tuple_

from audience_service.audience_query import (
    AudienceField,
    AudienceQuery,
    Comparison,
    Operator,
    Place,
)
from audience_service.provenance import fold
from audience_service.sql.dialect import LAST_CHARACTER
from audience_service.sql.schema import audience_labels, audiences

_COLUMNS: Final[dict[AudienceField, ColumnElement[Any]]] = {
    AudienceField.ACCOUNT: audiences.c.account,
    AudienceField.CREATE_TIME: audiences.c.create_ms,
    AudienceField.DISPLAY_NAME: audiences.c.display_name_folded,
    AudienceField.UPDATE_TIME: audiences.c.update_ms,
}
_OPERATORS: Final = {
    Operator.EQUAL: eq,
    Operator.LESS: lt,
    Operator.LESS_OR_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_OR_EQUAL: ge,
}
_STATES: Final = {
    "BUILDING": and_(audiences.c.building, audiences.c.delete_ms.is_(None)),
    "DELETED": audiences.c.delete_ms.is_not(None),
    "READY": and_(not_(audiences.c.building), audiences.c.delete_ms.is_(None)),
}


def list_query(
    workspace: str, query: AudienceQuery, *, after: Place | None, limit: int
) -> Select[Any]:
    """A page of a workspace's audiences."""
    key: tuple[ColumnElement[Any], ...] = (audiences.c.id,)
    if query.order is not AudienceField.NAME:
        key = (_COLUMNS[query.order], audiences.c.id)
    wanted = [
        audiences.c.workspace == workspace,
        *(_condition(workspace, each) for each in query.conditions),
    ]
    if not query.show_deleted:
        wanted.append(audiences.c.delete_ms.is_(None))
    if after is not None:
        place = tuple_(*map(literal, after[-len(key) :]))
        beyond = lt if query.descending else gt
        wanted.append(beyond(tuple_(*key), place))
    order = (column.desc() if query.descending else column for column in key)
    return select(audiences).where(*wanted).order_by(*order).limit(limit)


def _condition(workspace: str, comparison: Comparison) -> ColumnElement[bool]:
    field, value = comparison.field, comparison.value
    if field is AudienceField.STATE:
        return _STATES[str(value)]
    if field is AudienceField.LABEL:
        labelled = exists().where(
            audience_labels.c.workspace == workspace,
            audience_labels.c.key == comparison.label,
            audience_labels.c.audience == audiences.c.id,
        )
        has = comparison.operator is Operator.HAS
        return labelled if has else labelled.where(audience_labels.c.value == value)
    column = _COLUMNS[field]
    if field is AudienceField.DISPLAY_NAME:
        value = fold(str(value))
    if comparison.prefix:
        return and_(column >= value, column < f"{value}{LAST_CHARACTER}")
    found: ColumnElement[bool] = _OPERATORS[comparison.operator](column, value)
    return found
