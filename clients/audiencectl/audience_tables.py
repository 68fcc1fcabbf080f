"""Audiences and their members as tables."""

from collections.abc import Iterable

from audience.v1.audiences_pb2 import (
    Audience,
    AudienceState,
    ListAudiencesResponse,
    Member,
    MemberState,
)
from rich.console import RenderableType

from clients.audiencectl.output import (
    fields_of,
    forecast_in_words,
    pause_in_words,
    short,
    table_of,
    when,
    word,
)


def audience_table(answer: ListAudiencesResponse) -> RenderableType:
    """Audiences, one a line."""
    columns = ("audience", "state", "account", "members", "enriched", "cached", "failed", "pending")
    return table_of(
        columns,
        [
            (
                short(each.name),
                word("AUDIENCE_STATE", AudienceState.Name(each.state)),
                short(each.account),
                each.progress.members,
                each.progress.enriched,
                each.progress.cached,
                each.progress.failed,
                each.progress.pending,
            )
            for each in answer.audiences
        ],
    )


def asked_audience_fields(audience: Audience) -> RenderableType:
    """An audience of GetAudience, the one method that asks the enrichment service as well."""
    pairs = _pairs(audience)
    if audience.enrichment and not audience.progress.enrichment_reachable:
        pairs.append(("enrichment service", "did not answer: pause and forecast are missing"))
    return _fields(pairs)


def audience_fields(audience: Audience) -> RenderableType:
    """One audience, a field a line."""
    return _fields(_pairs(audience))


def _fields(pairs: Iterable[tuple[str, object]]) -> RenderableType:
    return fields_of((label, value) for label, value in pairs if value != "")


def _pairs(audience: Audience) -> list[tuple[str, object]]:
    progress = audience.progress
    return [
        ("name", audience.name),
        ("display name", audience.display_name),
        ("description", audience.description),
        ("state", word("AUDIENCE_STATE", AudienceState.Name(audience.state))),
        ("account", audience.account),
        ("enrichment", audience.enrichment),
        ("members", progress.members),
        ("enriched by view", progress.enriched),
        ("from cache", progress.cached),
        ("partial", progress.partial),
        ("failed", progress.failed),
        ("pending", progress.pending),
        ("not submitted", progress.not_submitted),
        ("pause", pause_in_words(progress.pause)),
        ("forecast", forecast_in_words(progress.forecast)),
        ("labels", ", ".join(f"{key}={value}" for key, value in sorted(audience.labels.items()))),
        ("created", when(audience.create_time)),
        ("deleted", when(audience.delete_time)),
        ("purged", when(audience.purge_time)),
    ]


def member_table(members: Iterable[Member]) -> RenderableType:
    """Members, one a line."""
    columns = ("prospect", "first name", "last name", "company", "title", "state")
    return table_of(columns, [member_row(each) for each in members])


def member_row(member: Member) -> tuple[str, ...]:
    """Who it is, and how far the enrichment is."""
    prospect = member.prospect
    return (
        short(prospect.name),
        prospect.first_name,
        prospect.last_name,
        prospect.company,
        prospect.title,
        word("MEMBER_STATE", MemberState.Name(member.state)),
    )
