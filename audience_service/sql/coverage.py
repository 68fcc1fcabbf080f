"""Which merge tags a member has a value for, as conditions of the database."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Executable, and_, case, func, or_, select, true

from audience_service.member_records import Coverage
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


def coverage_query(
    workspace: str, audience: str, tags: Sequence[str], *, required: Sequence[str]
) -> Executable:
    """One row: members, those who have all of ``required``, and those who have each tag."""
    return (
        select(
            func.count(),
            _count(and_(true(), *(_HAS_VALUE[tag] for tag in required))),
            *(_count(_HAS_VALUE[tag]) for tag in tags),
        )
        .select_from(memberships)
        .join(
            prospects,
            and_(
                prospects.c.workspace == memberships.c.workspace,
                prospects.c.id == memberships.c.prospect,
            ),
        )
        .where(memberships.c.workspace == workspace, memberships.c.audience == audience)
    )


def read_coverage(tags: Sequence[str], row: Sequence[int]) -> Coverage:
    """What the one row says."""
    members, complete, *ready = row
    return Coverage(members=members, complete=complete, ready=dict(zip(tags, ready, strict=True)))


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
