"""Which merge tags a member has a value for, as conditions of the database."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    and_,
    case,
    func,
    not_,
    or_,
    select,
    true,
)

from audience_service.member_records import Coverage
from audience_service.sql.member_queries import MEMBERSHIP, in_audience
from audience_service.sql.schema import memberships, prospects

# As ``messages.tag_values``: a field is never kept blank.
_HAS_VALUE: Final[Mapping[str, ColumnElement[bool]]] = {
    "firstName": prospects.c.first_name != "",
    "lastName": prospects.c.last_name != "",
    "fullName": or_(prospects.c.first_name != "", prospects.c.last_name != ""),
    "company": prospects.c.company != "",
    "headline": prospects.c.headline != "",
    "title": prospects.c.title != "",
    "location": prospects.c.location != "",
    "connectionDegree": memberships.c.degree.between(1, 3),
    "profileUrl": true(),
}

_IS_MEMBER: Final = and_(
    prospects.c.workspace == memberships.c.workspace, prospects.c.id == memberships.c.prospect
)


def coverage_query(
    workspace: str, audience: str, tags: Sequence[str], *, required: Sequence[str]
) -> Executable:
    """One row: members, those who have all of ``required``, and those who have each tag."""
    return (
        select(
            func.count(),
            _count(_has_all(required)),
            *(_count(_HAS_VALUE[tag]) for tag in tags),
        )
        .select_from(memberships)
        .join(prospects, _IS_MEMBER)
        .where(*in_audience(workspace, audience))
    )


def unready_query(
    workspace: str, audience: str, required: Sequence[str], *, after: int, up_to: int
) -> Select[Any]:
    """Memberships with a seq in ``after`` < seq <= ``up_to`` who lack one of ``required``."""
    return (
        select(*MEMBERSHIP)
        .select_from(memberships)
        .join(prospects, _IS_MEMBER)
        .where(
            *in_audience(workspace, audience),
            memberships.c.seq > after,
            memberships.c.seq <= up_to,
            not_(_has_all(required)),
        )
        .order_by(memberships.c.seq)
    )


def read_coverage(tags: Sequence[str], row: Sequence[int]) -> Coverage:
    """What the one row says."""
    members, complete, *ready = row
    return Coverage(members=members, complete=complete, ready=dict(zip(tags, ready, strict=True)))


def _has_all(tags: Sequence[str]) -> ColumnElement[bool]:
    return and_(true(), *(_HAS_VALUE[tag] for tag in tags))


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
