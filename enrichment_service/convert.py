"""Between protobuf and the model: accounts, budgets, enrichments, profiles."""

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import orjson
from enrichment.v1 import (
    accounts_pb2,
    enrichments_pb2,
    pauses_pb2,
    profiles_pb2,
    view_budgets_pb2,
)
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from enrichment_service import model
from enrichment_service.accounts import AccountSettings
from enrichment_service.enrichment_reading import FRESH_MS, Enrichment
from enrichment_service.enrichments import Submitted
from enrichment_service.policy.forecast import Forecast
from enrichment_service.policy.pacing import DAY_MS
from servicekit.errors import invalid_argument
from servicekit.names import ResourceName

WORKSPACE = ResourceName("workspaces/{workspace}")
ACCOUNT = ResourceName("workspaces/{workspace}/accounts/{account}")
VIEW_BUDGET = ResourceName("workspaces/{workspace}/accounts/{account}/viewBudget")
RESERVATION = ResourceName(
    "workspaces/{workspace}/accounts/{account}/viewReservations/{view_reservation}"
)
ENRICHMENT = ResourceName("workspaces/{workspace}/enrichments/{enrichment}")
PROFILE = ResourceName("workspaces/{workspace}/profiles/{profile}")

_EPOCH = date(1970, 1, 1)

_STRATEGIES = {
    accounts_pb2.AccountStrategy.Value(f"ACCOUNT_STRATEGY_{strategy}"): strategy
    for strategy in model.Strategy
}
_PURPOSES = {
    purpose: view_budgets_pb2.ViewPurpose.Value(f"VIEW_PURPOSE_{purpose}")
    for purpose in model.ViewPurpose
}
_PURPOSES_BY_NUMBER = {number: purpose for purpose, number in _PURPOSES.items()}


def to_proto_time(ms: int) -> Timestamp:
    """A time in milliseconds since the epoch."""
    return Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


@lru_cache(maxsize=1024)
def to_date(day: int) -> str:
    """`YYYY-MM-DD` of a day counted from 1970-01-01 UTC."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def from_date(text: str, *, field: str) -> int | None:
    """Days since 1970-01-01 UTC; None for an empty text."""
    if not text:
        return None
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        raise invalid_argument(field, "must be a date, YYYY-MM-DD") from None


def request_body(request: Message) -> str:
    """A hash of the method's request without its request_id: the same body, the same hash.

    The type counts as well: requests of two methods may have the same bytes.
    """
    copy = type(request)()
    copy.CopyFrom(request)
    copy.ClearField("request_id")
    body = request.DESCRIPTOR.full_name.encode() + copy.SerializeToString(deterministic=True)
    return hashlib.sha256(body).hexdigest()


def account_name(account: str) -> str:
    """Full name of `<workspace>/<account>`."""
    return ACCOUNT.format(*account.split("/"))


def enrichment_name(enrichment: str) -> str:
    """Full name of `<workspace>/<enrichment>`."""
    return ENRICHMENT.format(*enrichment.split("/"))


def from_proto_settings(account: accounts_pb2.Account, *, only: set[str] | None) -> AccountSettings:
    """The settings in an account message; `only` names the fields to take, None takes all."""

    def wanted(field: str) -> bool:
        return only is None or field in only

    hours = None
    if wanted("working_hours") and account.HasField("working_hours"):
        hours = model.WorkingHours(
            time_zone=account.working_hours.time_zone,
            start_minute=account.working_hours.start_minute,
            end_minute=account.working_hours.end_minute,
            weekdays=frozenset(account.working_hours.weekdays),
        )
    return AccountSettings(
        display_name=account.display_name if wanted("display_name") else None,
        strategy=_STRATEGIES[account.strategy] if wanted("strategy") and account.strategy else None,
        ramp_start_day=from_date(account.ramp_start_date, field="account.ramp_start_date")
        if wanted("ramp_start_date")
        else None,
        campaign_share=account.campaign_share if wanted("campaign_share") else None,
        pacing=(
            model.Pacing.SPREAD
            if account.pacing == accounts_pb2.PACING_SPREAD
            else model.Pacing.BURST
        )
        if wanted("pacing")
        else None,
        working_hours=hours,
    )


def to_proto_account(account: model.Account) -> accounts_pb2.Account:
    """An account as callers see it."""
    message = accounts_pb2.Account(
        name=account_name(account.id),
        provider_account_id=account.provider_account_id,
        display_name=account.display_name,
        strategy=accounts_pb2.AccountStrategy.Value(f"ACCOUNT_STRATEGY_{account.strategy}"),
        ramp_start_date=to_date(account.ramp_start_day),
        ramp_week=account.ramp_week,
        daily_cap=account.daily_cap,
        campaign_share=account.campaign_share,
        pacing=accounts_pb2.Pacing.Value(f"PACING_{account.pacing}"),
        counted_errors_today=account.counted_errors,
        create_time=to_proto_time(account.created_ms),
        update_time=to_proto_time(account.updated_ms),
        etag=str(account.revision),
    )
    if account.working_hours:
        message.working_hours.CopyFrom(
            accounts_pb2.WorkingHours(
                time_zone=account.working_hours.time_zone,
                start_minute=account.working_hours.start_minute,
                end_minute=account.working_hours.end_minute,
                weekdays=sorted(account.working_hours.weekdays),
            )
        )
    if account.pause:
        message.pause.CopyFrom(to_proto_pause(account.pause))
    return message


def to_proto_pause(pause: model.Pause) -> pauses_pb2.Pause:
    """A pause; without an end it waits for a person."""
    message = pauses_pb2.Pause(
        reason=pauses_pb2.PauseReason.Value(f"PAUSE_REASON_{pause.reason}"),
        since_time=to_proto_time(pause.since_ms),
        waits_for_person=pause.until_ms is None,
    )
    if pause.until_ms is not None:
        message.until_time.CopyFrom(to_proto_time(pause.until_ms))
    return message


def purpose_of(purpose: view_budgets_pb2.ViewPurpose.ValueType) -> model.ViewPurpose:
    """What a view is for."""
    return _PURPOSES_BY_NUMBER[purpose]


def to_proto_budget(budget: model.ViewBudget) -> view_budgets_pb2.ViewBudget:
    """A budget as callers see it."""
    return view_budgets_pb2.ViewBudget(
        name=VIEW_BUDGET.format(*budget.account.split("/")),
        date=to_date(budget.day),
        limit=budget.limit,
        committed=budget.committed,
        reserved=budget.reserved,
        available=budget.available,
        available_for_enrichment=budget.available_for_enrichment,
        reset_time=to_proto_time((budget.day + 1) * DAY_MS),
        usages=[
            view_budgets_pb2.PurposeUsage(
                purpose=_PURPOSES[purpose],
                committed=committed,
                reserved=reserved,
            )
            for purpose, (committed, reserved) in budget.by_purpose.items()
        ],
        ramp_week=budget.ramp_week,
        day_lost=budget.day_lost,
    )


def to_proto_progress(progress: model.Progress) -> enrichments_pb2.EnrichmentProgress:
    """Counts of an enrichment."""
    return enrichments_pb2.EnrichmentProgress(
        total=progress.total,
        pending=progress.pending,
        enriched=progress.enriched,
        cached=progress.cached,
        partial=progress.partial,
        failed=progress.failed,
        withdrawn=progress.withdrawn,
        erased=progress.erased,
    )


def to_proto_forecast(forecast: Forecast) -> enrichments_pb2.Forecast:
    """A forecast; a date that never comes stays empty."""
    earliest, latest = forecast.earliest_complete_day, forecast.latest_complete_day
    return enrichments_pb2.Forecast(
        remaining_views=forecast.remaining_views,
        days_at_todays_cap=forecast.days_at_todays_cap,
        days_at_full_cap=forecast.days_at_full_cap,
        days_with_ramp=forecast.days_with_ramp or 0,
        earliest_complete_date="" if earliest is None else to_date(earliest),
        latest_complete_date="" if latest is None else to_date(latest),
    )


def to_proto_enrichment(enrichment: Enrichment) -> enrichments_pb2.Enrichment:
    """An enrichment as callers see it."""
    message = enrichments_pb2.Enrichment(
        name=enrichment_name(enrichment.id),
        account=account_name(enrichment.account),
        display_name=enrichment.display_name,
        state=enrichments_pb2.EnrichmentState.Value(f"ENRICHMENT_STATE_{enrichment.state}"),
        progress=to_proto_progress(enrichment.progress),
        create_time=to_proto_time(enrichment.created_ms),
    )
    if enrichment.max_age_ms != FRESH_MS:
        message.max_age.FromMilliseconds(enrichment.max_age_ms)
    if enrichment.pause:
        message.pause.CopyFrom(to_proto_pause(enrichment.pause))
    if enrichment.forecast:
        message.forecast.CopyFrom(to_proto_forecast(enrichment.forecast))
    return message


def to_proto_submitted(workspace: str, submitted: Submitted) -> enrichments_pb2.SubmittedProfile:
    """What became of a submission."""
    return enrichments_pb2.SubmittedProfile(
        profile=PROFILE.format(workspace, submitted.profile),
        reference=submitted.reference,
        state=enrichments_pb2.ProfileState.Value(f"PROFILE_STATE_{submitted.state}"),
    )


def to_proto_profile(
    workspace: str, profile: str, record: Mapping[str, Any], *, now_ms: int
) -> profiles_pb2.Profile:
    """A person from a record of the store: `data`, `viewer`, `viewed` and `partial`, each optional.

    A picture whose signed URL has expired stays blank.
    """
    data = orjson.loads(record["data"]) if record.get("data") else {}
    viewer = orjson.loads(record["viewer"]) if record.get("viewer") else {}
    expires = data.pop("picture_expire_ms", None)
    message = profiles_pb2.Profile(
        name=PROFILE.format(workspace, profile), partial=bool(record.get("partial")), **data
    )
    if expires is not None:
        message.picture_expire_time.CopyFrom(to_proto_time(int(expires)))
        if int(expires) <= now_ms:
            message.ClearField("picture_url")
    if "degree" in viewer:
        message.connection_degree = profiles_pb2.ConnectionDegree.Value(
            f"CONNECTION_DEGREE_{viewer['degree']}"
        )
    message.shared_connections_count = int(viewer.get("shared", 0))
    if record.get("viewed"):
        viewed_ms = int(record["viewed"])
        message.view_time.CopyFrom(to_proto_time(viewed_ms))
        message.fresh_until_time.CopyFrom(to_proto_time(viewed_ms + FRESH_MS))
    return message
