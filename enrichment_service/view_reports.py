"""What the store is told of a view: what it means, and what it showed of the person."""

from collections.abc import Mapping
from typing import Any

from enrichment_service.model import FailureReason
from enrichment_service.person_keys import PersonKeys
from enrichment_service.policy.outcomes import partial_delay_ms, pause_for_ms, retry_delay_ms
from enrichment_service.view_results import (
    Outcome,
    OutcomeKind,
    PauseEnd,
    ViewedProfile,
    ViewResult,
)
from servicekit.names import random_id


def report_of(
    outcome: Outcome,
    view: Mapping[str, Any],
    result: ViewResult,
    *,
    workspace: str,
    keys: PersonKeys,
) -> dict[str, object]:
    """What finish_view.lua is told of an outcome; `view` is what begin_view.lua answered."""
    request: dict[str, object] = {
        "charged": outcome.charged,
        "counts_as_error": outcome.counts_for_breaker,
        "outcome": "RETRY",
    }
    if result.profile is not None:
        request["person"] = _person_of(
            result.profile, asked=view["ask"], workspace=workspace, keys=keys
        )
    match outcome.kind:
        case OutcomeKind.ENRICHED:
            request["outcome"] = "ENRICHED"
        case OutcomeKind.PARTIAL:
            request["outcome"] = "PARTIAL"
            delay = partial_delay_ms(int(view["partials"]) + 1)
            request["retry_in_ms"] = delay
        case OutcomeKind.PROFILE_FAILED:
            request |= {"outcome": "FAILED", "failure": outcome.failure_reason}
        case OutcomeKind.RETRY | OutcomeKind.DISCARDED:
            delay = retry_delay_ms(int(view["attempts"]))
            if delay is None:
                request |= {"outcome": "FAILED", "failure": FailureReason.ATTEMPTS_EXHAUSTED}
            else:
                request["retry_in_ms"] = delay
        case OutcomeKind.PAUSE | OutcomeKind.STOP_ALL:
            # Back to the front of the queue: the profile is not to blame.
            request |= {"retry_in_ms": 0, "free": True}
    if outcome.pause_reason is not None:
        pause: dict[str, object] = {"reason": outcome.pause_reason}
        if outcome.pause_end is PauseEnd.RETRY_AFTER:
            pause["for_ms"] = pause_for_ms(outcome, retry_after_ms=result.retry_after_ms)
        elif outcome.pause_end is PauseEnd.NEXT_DAY:
            pause["until_midnight"] = True
        request["pause"] = pause
    return {name: value for name, value in request.items() if value is not None}


def _person_of(
    profile: ViewedProfile, *, asked: str, workspace: str, keys: PersonKeys
) -> dict[str, object]:
    """What a view showed, apart by who may see it, under every id that it revealed."""
    data: dict[str, object] = {
        name: value
        for name in (
            "provider_id",
            "member_id",
            "public_identifier",
            "public_profile_url",
            "first_name",
            "last_name",
            "headline",
            "company",
            "title",
            "location",
            "picture_url",
            "picture_expire_ms",
        )
        if (value := getattr(profile, name)) not in (None, "")
    }
    revealed = [asked, profile.provider_id]
    if profile.public_identifier:
        revealed.append(profile.public_identifier)
    viewer: dict[str, object] = {}
    if profile.connection_degree is not None:
        viewer["degree"] = profile.connection_degree
    if profile.shared_connections_count is not None:
        viewer["shared"] = profile.shared_connections_count
    return {
        "data": data,
        "ids": keys.of(workspace, revealed),
        "provider_id": profile.provider_id,
        "viewer": viewer,
        "new_profile": random_id(13),
        "ask": asked,
    }
