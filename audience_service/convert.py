"""Between protobuf and the model."""

from collections.abc import Collection, Sequence
from typing import Final

from audience.v1 import audiences_pb2, prospects_pb2
from enrichment.v1 import enrichments_pb2, pauses_pb2, profiles_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from audience_service.audience_filters import parse_query
from audience_service.audience_query import AudienceQuery
from audience_service.audiences import NewAudience
from audience_service.enrichment_model import Forecast, Outlook, Pause
from audience_service.identity import canonical_url
from audience_service.import_model import Import, ImportPhase, ImportRow, RowClass
from audience_service.model import (
    KEPT_FIELDS,
    TEXT_FIELDS,
    Audience,
    Departure,
    Member,
    Prospect,
)
from servicekit.errors import invalid_argument
from servicekit.names import ResourceName

WORKSPACE: Final = ResourceName("workspaces/{workspace}")
AUDIENCE: Final = ResourceName("workspaces/{workspace}/audiences/{audience}")
PROSPECT: Final = ResourceName("workspaces/{workspace}/prospects/{prospect}")
ACCOUNT: Final = ResourceName("workspaces/{workspace}/accounts/{account}")


def to_proto_time(ms: int | None) -> Timestamp | None:
    """A time in milliseconds since the epoch."""
    if ms is None:
        return None
    return Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


def in_workspace(
    kind: ResourceName, names: Sequence[str], *, workspace: str, field: str
) -> list[str]:
    """The ids in names that must all be of one workspace."""
    return [
        id_in_workspace(kind, name, workspace=workspace, field=f"{field}[{index}]")
        for index, name in enumerate(names)
    ]


def id_in_workspace(kind: ResourceName, name: str, *, workspace: str, field: str) -> str:
    """The id in a name that must be of one workspace."""
    theirs, found = kind.parse(name, field=field)
    if theirs != workspace:
        raise invalid_argument(field, "must be of the same workspace", reason="WORKSPACE_DIFFERS")
    return found


def from_proto_account(name: str, *, workspace: str) -> str:
    """The id of an audience's account; empty stays empty."""
    if not name:
        return ""
    return id_in_workspace(ACCOUNT, name, workspace=workspace, field="audience.account")


def from_proto_new_audience(
    request: audiences_pb2.CreateAudienceRequest | audiences_pb2.CombineAudiencesRequest,
) -> NewAudience:
    """The audience that a caller wants."""
    (workspace,) = WORKSPACE.parse(request.parent, field="parent")
    return NewAudience(
        workspace=workspace,
        id=request.audience_id,
        display_name=request.audience.display_name,
        description=request.audience.description,
        account=from_proto_account(request.audience.account, workspace=workspace),
        request_id=request.request_id,
        labels=dict(request.audience.labels),
    )


def from_proto_audience_query(
    request: audiences_pb2.ListAudiencesRequest, *, workspace: str
) -> AudienceQuery:
    """Which audiences a caller wants to see."""
    return parse_query(
        request.filter,
        request.order_by,
        workspace=workspace,
        show_deleted=request.show_deleted,
    )


def to_proto_audience(audience: Audience, outlook: Outlook | None = None) -> audiences_pb2.Audience:
    """An audience; without an outlook pause and forecast are not asked for."""
    counters = audience.counters
    workspace = audience.workspace
    progress = audiences_pb2.AudienceProgress(
        members=counters.members,
        enriched=counters.enriched,
        cached=counters.cached,
        partial=counters.partial,
        failed=counters.failed,
        pending=counters.pending,
        not_submitted=counters.not_submitted,
    )
    if outlook is not None:
        progress.enrichment_reachable = outlook.reachable
        if outlook.pause is not None:
            progress.pause.CopyFrom(_to_proto_pause(outlook.pause))
        if outlook.forecast is not None:
            progress.forecast.CopyFrom(_to_proto_forecast(outlook.forecast))
    return audiences_pb2.Audience(
        name=AUDIENCE.format(workspace, audience.id),
        display_name=audience.display_name,
        description=audience.description,
        account=ACCOUNT.format(workspace, audience.account) if audience.account else "",
        state=_audience_state(audience),
        progress=progress,
        enrichment=f"workspaces/{workspace}/enrichments/{audience.enrichment_id}"
        if audience.enrichment_id
        else "",
        enrichment_paused=audience.enrichment_paused,
        create_time=to_proto_time(audience.create_ms),
        update_time=to_proto_time(audience.update_ms),
        etag=str(audience.revision),
        labels=audience.labels,
        delete_time=to_proto_time(audience.delete_ms),
        purge_time=to_proto_time(audience.purge_ms),
    )


def _audience_state(audience: Audience) -> audiences_pb2.AudienceState.ValueType:
    if audience.delete_ms is not None:
        return audiences_pb2.AUDIENCE_STATE_DELETED
    if audience.building:
        return audiences_pb2.AUDIENCE_STATE_BUILDING
    return audiences_pb2.AUDIENCE_STATE_READY


def _to_proto_pause(pause: Pause) -> pauses_pb2.Pause:
    return pauses_pb2.Pause(
        reason=pauses_pb2.PauseReason.ValueType(pause.reason),
        since_time=to_proto_time(pause.since_ms),
        until_time=to_proto_time(pause.until_ms),
        waits_for_person=pause.waits_for_person,
    )


def _to_proto_forecast(forecast: Forecast) -> enrichments_pb2.Forecast:
    return enrichments_pb2.Forecast(
        remaining_views=forecast.remaining_views,
        days_at_todays_cap=forecast.days_at_todays_cap,
        days_at_full_cap=forecast.days_at_full_cap,
        days_with_ramp=forecast.days_with_ramp,
        earliest_complete_date=forecast.earliest_complete_date,
        latest_complete_date=forecast.latest_complete_date,
    )


def to_proto_prospect(prospect: Prospect) -> prospects_pb2.Prospect:
    """A prospect."""
    fields = {name: prospect.fields.get(name, "") for name in TEXT_FIELDS}
    return prospects_pb2.Prospect(
        name=PROSPECT.format(prospect.workspace, prospect.id),
        profile_url=canonical_url(prospect.primary_alias),
        member_id=prospect.member_id,
        provider_id=prospect.provider_id,
        **fields,
        picture_url=prospect.fields.get("picture_url", ""),
        picture_expire_time=to_proto_time(prospect.picture_expire_ms),
        enrich_time=to_proto_time(prospect.enrich_ms),
        provenance=[
            prospects_pb2.FieldProvenance(
                field=name,
                source=prospects_pb2.FieldSource.ValueType(kept.source),
                update_time=to_proto_time(kept.time_ms),
            )
            for name in KEPT_FIELDS
            if (kept := prospect.provenance.get(name)) is not None
        ],
        create_time=to_proto_time(prospect.create_ms),
        update_time=to_proto_time(prospect.update_ms),
        etag=str(prospect.revision),
        suppressed=prospect.suppressed,
    )


def to_proto_member(member: Member) -> audiences_pb2.Member:
    """A member."""
    membership, prospect = member
    return audiences_pb2.Member(
        audience=AUDIENCE.format(prospect.workspace, membership.audience),
        prospect=to_proto_prospect(prospect),
        state=audiences_pb2.MemberState.ValueType(membership.state),
        connection_degree=profiles_pb2.ConnectionDegree.ValueType(membership.degree),
        join_time=to_proto_time(membership.join_ms),
    )


def to_proto_departure(departure: Departure, *, workspace: str) -> audiences_pb2.Departure:
    """Somebody who left."""
    return audiences_pb2.Departure(
        prospect=PROSPECT.format(workspace, departure.prospect),
        reason=audiences_pb2.DepartureReason.ValueType(departure.reason),
        merged_into=PROSPECT.format(workspace, departure.merged_into)
        if departure.merged_into
        else "",
    )


def to_proto_progress(job: Import) -> audiences_pb2.ImportProgress:
    """How far an import has come."""
    return audiences_pb2.ImportProgress(
        phase=audiences_pb2.ImportPhase.ValueType(min(job.phase, ImportPhase.DONE)),
        received_bytes=job.received_bytes,
        rows=job.rows,
        applied_rows=job.applied_rows,
    )


def to_proto_receipt(job: Import) -> audiences_pb2.ImportReceipt:
    """What an import did."""
    counts = job.counts
    return audiences_pb2.ImportReceipt(
        audience=AUDIENCE.format(job.workspace, job.audience),
        request_id=job.request_id,
        rows=job.rows,
        added=counts.added,
        already_there=counts.already_there,
        merged=counts.merged,
        no_profile=counts.no_profile,
        suppressed=counts.suppressed,
        erased=counts.erased,
        rejected=counts.rejected,
        format=job.format,
        complete_time=to_proto_time(job.complete_ms),
    )


def to_proto_row(row: ImportRow) -> audiences_pb2.ImportRow:
    """What became of a row."""
    return audiences_pb2.ImportRow(
        row=row.number,
        row_class=audiences_pb2.RowClass.ValueType(row.row_class),
        reason=row.reason,
    )


def from_proto_classes(classes: Collection[int]) -> frozenset[RowClass]:
    """The row classes that are wanted: every class but ADDED when none is named."""
    return frozenset(map(RowClass, classes)) or frozenset(RowClass) - {RowClass.ADDED}
