"""Messages of the enrichment service, read into the model."""

import re
from typing import Final

from enrichment.v1 import enrichments_pb2, events_pb2, pauses_pb2, profiles_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from audience_service.enrichment_model import (
    Forecast,
    Outlook,
    Pause,
    ProfileData,
    ProfileEvent,
    ProfileOutcome,
)

_OUTCOMES: Final = {
    events_pb2.EVENT_TYPE_PROFILE_PENDING: ProfileOutcome.PENDING,
    events_pb2.EVENT_TYPE_PROFILE_ENRICHED: ProfileOutcome.ENRICHED,
    events_pb2.EVENT_TYPE_PROFILE_CACHED: ProfileOutcome.CACHED,
    events_pb2.EVENT_TYPE_PROFILE_PARTIAL: ProfileOutcome.PARTIAL,
    events_pb2.EVENT_TYPE_PROFILE_FAILED: ProfileOutcome.FAILED,
    events_pb2.EVENT_TYPE_PROFILE_WITHDRAWN: ProfileOutcome.WITHDRAWN,
    events_pb2.EVENT_TYPE_PROFILE_ERASED: ProfileOutcome.ERASED,
}
PROFILE_EVENTS: Final = tuple(_OUTCOMES)
_WAITING: Final = (ProfileOutcome.PENDING, ProfileOutcome.PARTIAL)

_REFERENCE: Final = re.compile(r"prospects/([a-z0-9]{8,32})")
_TEXTS: Final = (
    "first_name",
    "last_name",
    "headline",
    "company",
    "title",
    "location",
    "picture_url",
)


def read_event(event: events_pb2.Event) -> ProfileEvent:
    """An event of one of the types in PROFILE_EVENTS."""
    outcome = _OUTCOMES[event.type]
    return ProfileEvent(
        workspace=_id(event.enrichment, 1),
        enrichment=_id(event.enrichment, 3),
        profile=_id(event.profile, 3),
        reference=read_reference(event.reference),
        revision=event.revision,
        outcome=outcome,
        final=event.final or outcome not in _WAITING,
        data=read_profile(event.profile_data) if event.HasField("profile_data") else None,
        # What a snapshot lists has no progress.
        time_ms=event.event_time.ToMilliseconds() if event.HasField("progress") else None,
    )


def read_reference(reference: str) -> str:
    """The prospect id in a reference, empty when it is not one of ours."""
    ours = _REFERENCE.fullmatch(reference)
    return ours[1] if ours else ""


def read_profile(profile: profiles_pb2.Profile) -> ProfileData:
    """What is known of a person."""
    return ProfileData(
        provider_id=profile.provider_id,
        member_id=profile.member_id,
        vanity=profile.public_identifier,
        fields={name: getattr(profile, name) for name in _TEXTS},
        picture_expire_ms=_ms(profile, "picture_expire_time"),
        degree=profile.connection_degree,
        view_ms=_ms(profile, "view_time"),
    )


def read_outlook(enrichment: enrichments_pb2.Enrichment) -> Outlook:
    """Pause and forecast, those that are there."""
    return Outlook(
        pause=_pause(enrichment.pause) if enrichment.HasField("pause") else None,
        forecast=_forecast(enrichment.forecast) if enrichment.HasField("forecast") else None,
    )


def _pause(pause: pauses_pb2.Pause) -> Pause:
    return Pause(
        reason=pause.reason,
        since_ms=_ms(pause, "since_time"),
        until_ms=_ms(pause, "until_time"),
        waits_for_person=pause.waits_for_person,
    )


def _forecast(forecast: enrichments_pb2.Forecast) -> Forecast:
    return Forecast(
        remaining_views=forecast.remaining_views,
        days_at_todays_cap=forecast.days_at_todays_cap,
        days_at_full_cap=forecast.days_at_full_cap,
        days_with_ramp=forecast.days_with_ramp,
        earliest_complete_date=forecast.earliest_complete_date,
        latest_complete_date=forecast.latest_complete_date,
    )


def _ms(message: profiles_pb2.Profile | pauses_pb2.Pause, name: str) -> int | None:
    # HasField is typed by literal names, one set a message.
    time: Timestamp = getattr(message, name)
    present = time.seconds or time.nanos
    return time.ToMilliseconds() if present else None


def _id(name: str, part: int) -> str:
    parts = name.split("/")
    return parts[part] if len(parts) > part else ""
