"""What every answer of the provider means (domain: connected-account API, table of errors).

One row an answer: what is to be done, whether the view is charged, whether the breaker counts it.
A view is left uncharged only where it certainly did not happen.
"""

from collections.abc import Iterator

from enrichment_service.model import FailureReason, PauseReason
from enrichment_service.view_results import Finding, Outcome, OutcomeKind, PauseEnd

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS

RETRY_DELAYS_MS = (10 * _MINUTE_MS, 30 * _MINUTE_MS, 2 * _HOUR_MS, 6 * _HOUR_MS)
"""Wait after the first, second, … failed attempt. Five attempts in all, within a working day: an
outage of minutes costs one more view, one of a night does not use up all five."""
PARTIAL_DELAYS_MS = (6 * _HOUR_MS, _DAY_MS)
"""Wait after the first and second partial answer. Longer than after an error: throttling lasts
for hours, and the view is charged each time."""
RETRY_AFTER_DEFAULT_MS = _HOUR_MS
RETRY_AFTER_LONGEST_MS = _DAY_MS


def _outcome(kind: OutcomeKind, *, charged: bool = True, breaker: bool = False) -> Outcome:
    return Outcome(kind=kind, charged=charged, counts_for_breaker=breaker)


def _pause(reason: PauseReason, *, charged: bool, end: PauseEnd = PauseEnd.PERSON) -> Outcome:
    return Outcome(
        kind=OutcomeKind.PAUSE,
        charged=charged,
        counts_for_breaker=False,
        pause_reason=reason,
        pause_end=end,
    )


def _failed(reason: FailureReason) -> Outcome:
    return Outcome(
        kind=OutcomeKind.PROFILE_FAILED,
        charged=True,
        counts_for_breaker=False,
        failure_reason=reason,
    )


_RETRY = _outcome(OutcomeKind.RETRY, breaker=True)
_DISCARDED = _outcome(OutcomeKind.DISCARDED, breaker=True)
_PARTIAL = _outcome(OutcomeKind.PARTIAL)
_DISCONNECTED = _pause(PauseReason.ACCOUNT_DISCONNECTED, charged=False)
_CHECKPOINT = _pause(PauseReason.CHECKPOINT, charged=False)
_RESTRICTED = _pause(PauseReason.ACCOUNT_RESTRICTED, charged=True)
_SLOW_DOWN = _pause(PauseReason.PROVIDER_LIMIT, charged=True, end=PauseEnd.RETRY_AFTER)

FINDINGS: dict[Finding, Outcome] = {
    Finding.COMPLETE: _outcome(OutcomeKind.ENRICHED),
    Finding.THROTTLED: _PARTIAL,
    Finding.NAMES_WITHHELD: _PARTIAL,
    Finding.ANOTHER_MEMBER: _DISCARDED,
    Finding.NOT_A_PROFILE: _DISCARDED,
    Finding.REDIRECT: _RETRY,
    Finding.OVERSIZED: _RETRY,
    Finding.BROKEN_BODY: _RETRY,
    Finding.TIMEOUT: _RETRY,
    Finding.CONNECTION_LOST: _RETRY,
    Finding.CONNECTION_REFUSED: _outcome(OutcomeKind.RETRY, charged=False, breaker=True),
}
"""Every finding but ERROR."""

_ERROR_ROWS: tuple[tuple[int, str, Outcome], ...] = (
    (401, "missing_credentials", _outcome(OutcomeKind.STOP_ALL, charged=False)),
    (401, "disconnected_account expired_credentials invalid_credentials", _DISCONNECTED),
    (401, "wrong_account disconnected_feature", _DISCONNECTED),
    (401, "checkpoint_error invalid_checkpoint_solution", _CHECKPOINT),
    (401, "multiple_sessions captcha_not_supported", _CHECKPOINT),
    (403, "account_restricted action_required unknown_authentication_context", _RESTRICTED),
    (403, "session_mismatch account_mismatch", _RESTRICTED),
    (403, "resource_access_restricted", _failed(FailureReason.NOT_ACCESSIBLE)),
    (
        403,
        "feature_not_subscribed subscription_required insufficient_permissions",
        _pause(PauseReason.CONFIGURATION, charged=True),
    ),
    (404, "resource_not_found invalid_resource_identifier", _failed(FailureReason.NOT_FOUND)),
    (
        422,
        "invalid_recipient user_unreachable blocked_recipient",
        _failed(FailureReason.NOT_ACCESSIBLE),
    ),
    (422, "invalid_account", _pause(PauseReason.CONFIGURATION, charged=False)),
    (
        422,
        "limit_exceeded cannot_resend_yet",
        _pause(PauseReason.PROVIDER_LIMIT, charged=True, end=PauseEnd.NEXT_DAY),
    ),
    (429, "too_many_requests", _SLOW_DOWN),
    (500, "unexpected_error provider_error", _RETRY),
    (501, "feature_not_implemented", _pause(PauseReason.CONFIGURATION, charged=False)),
    (503, "no_client_session no_channel no_handler network_down service_unavailable", _RETRY),
    (504, "request_timeout", _RETRY),
)
_ANY_TYPE: dict[int, Outcome] = {
    # Whoever says 429, the provider or a gateway before it, wants fewer requests.
    429: _SLOW_DOWN,
    # A gateway's page, which has no error type.
    502: _RETRY,
}
_UNLISTED = Outcome(kind=OutcomeKind.RETRY, charged=True, counts_for_breaker=True, listed=False)


def _by_status_and_type() -> Iterator[tuple[tuple[int, str], Outcome]]:
    for status, types, outcome in _ERROR_ROWS:
        for error_type in types.split():
            yield (status, error_type), outcome


ERRORS: dict[tuple[int, str], Outcome] = dict(_by_status_and_type())
"""The outcome of every listed error, by HTTP status and error type."""


def classify(
    *, finding: Finding, status: int | None = None, error_type: str | None = None
) -> Outcome:
    """What a view means.

    Args:
        finding: what came back.
        status: HTTP status of an error answer.
        error_type: its type, without `errors/`.
    """
    if finding is not Finding.ERROR:
        return FINDINGS[finding]
    return ERRORS.get((status or 0, error_type or "")) or _ANY_TYPE.get(status or 0) or _UNLISTED


def retry_delay_ms(attempts: int) -> int | None:
    """Wait before the next attempt after `attempts` (from 1) failed ones, in milliseconds.

    None after the fifth: the profile has failed with ATTEMPTS_EXHAUSTED. Grows three- to fourfold
    from 10 minutes to 6 hours.
    """
    return RETRY_DELAYS_MS[attempts - 1] if attempts <= len(RETRY_DELAYS_MS) else None


def partial_delay_ms(partials: int) -> int | None:
    """Wait before the next view after `partials` (from 1) partial answers, in milliseconds.

    None after the third: what came is kept and no further view is made.
    """
    return PARTIAL_DELAYS_MS[partials - 1] if partials <= len(PARTIAL_DELAYS_MS) else None


def pause_for_ms(outcome: Outcome, *, retry_after_ms: int | None) -> int | None:
    """How long the pause of an outcome lasts, in milliseconds; None unless it ends by RETRY_AFTER.

    What the provider asked for, a day at the most, an hour if it asked for nothing.
    """
    if outcome.pause_end is not PauseEnd.RETRY_AFTER:
        return None
    wait = RETRY_AFTER_DEFAULT_MS if retry_after_ms is None else retry_after_ms
    return min(wait, RETRY_AFTER_LONGEST_MS)
