"""Queries of memberships that several records use."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select, union_all

from audience_service.model import Membership, MemberState
from audience_service.sql.dialect import one_of
from audience_service.sql.schema import memberships, prospects

MEMBERSHIP = (
    memberships.c.audience,
    memberships.c.prospect,
    memberships.c.seq,
    memberships.c.state,
    memberships.c.degree,
    memberships.c.join_ms,
    memberships.c.profile,
    memberships.c.event_revision,
    memberships.c.change_seq,
)

# Looked up for every member of a stream: calling the enumeration costs ten times as much.
_STATES = {each.value: each for each in MemberState}


def in_audience(workspace: str, audience: str) -> tuple[ColumnElement[bool], ...]:
    """Whether a membership is one of an audience."""
    return memberships.c.workspace == workspace, memberships.c.audience == audience


def members_among(
    workspace: str, audience: str, column: ColumnElement[str], values: Iterable[str]
) -> tuple[ColumnElement[bool], ...]:
    """Whether a membership in an audience is of one of these people, or of these profiles.

    Found by the people, who are in few audiences. PostgreSQL would take an audience that has grown
    since the last ANALYZE for a small one and read all of it: no index has this expression.
    """
    return (
        memberships.c.workspace == workspace,
        one_of(column, values),
        memberships.c.audience + "" == audience,
    )


def stream_part(
    workspace: str, audience: str, audiences: Sequence[str], *, excluded: Sequence[str]
) -> Select[Any]:
    """Members of one audience: not suppressed, in no excluded one, in none of the others before."""
    elsewhere = memberships.alias()
    reasons: list[ColumnElement[bool]] = []
    others = [each for each in audiences if each != audience]
    if others:
        reasons.append(one_of(elsewhere.c.audience, others) & (elsewhere.c.seq < memberships.c.seq))
    if excluded:
        reasons.append(one_of(elsewhere.c.audience, excluded))
    part = select(*MEMBERSHIP).where(
        *in_audience(workspace, audience),
        ~exists()
        .where(
            prospects.c.workspace == workspace,
            prospects.c.id == memberships.c.prospect,
            prospects.c.suppressed,
        )
        .correlate(memberships),
    )
    if not reasons:
        return part
    return part.where(
        ~exists()
        .where(
            elsewhere.c.workspace == workspace,
            elsewhere.c.prospect == memberships.c.prospect,
            or_(*reasons),
        )
        .correlate(memberships)
    )


def read_membership(row: Sequence[Any]) -> Membership:
    """A row of the columns of ``MEMBERSHIP``, in their order."""
    audience, prospect, seq, state, degree, join_ms, profile, event_revision, change_seq = row
    return Membership(
        audience=audience,
        prospect=prospect,
        seq=seq,
        state=_STATES[state],
        degree=degree,
        join_ms=join_ms,
        profile=profile,
        event_revision=event_revision,
        change_seq=change_seq,
    )


def stream_query(
    workspace: str,
    audiences: Sequence[str],
    *,
    excluded: Sequence[str],
    after: int,
    limit: int,
) -> Select[Any]:
    """Members of any of ``audiences`` and of none of ``excluded``, by seq, after ``after``."""
    # A page of each audience by its own index, then the first of them all: a page costs the
    # same however many members there are.
    pages = [
        stream_part(workspace, each, audiences, excluded=excluded)
        .where(memberships.c.seq > after)
        .order_by(memberships.c.seq)
        .limit(limit)
        .subquery()
        for each in dict.fromkeys(audiences)
    ]
    joined = union_all(*(select(page) for page in pages)).subquery()
    return select(joined).order_by(joined.c.seq).limit(limit)
