"""What each answer means, row by row (domain: connected-account API, table of errors)."""

import pytest

from enrichment_service.model import FailureReason, PauseReason
from enrichment_service.policy.outcomes import (
    ERRORS,
    FINDINGS,
    classify,
    partial_delay_ms,
    pause_for_ms,
    retry_delay_ms,
)
from enrichment_service.view_results import Finding, Outcome, OutcomeKind, PauseEnd

HOUR = 3_600_000
DAY = 24 * HOUR

# status, error type, kind, reason, charged, counts for the breaker
TABLE = """
401 missing_credentials             STOP_ALL       -                    no  no
401 disconnected_account            PAUSE          ACCOUNT_DISCONNECTED no  no
401 expired_credentials             PAUSE          ACCOUNT_DISCONNECTED no  no
401 invalid_credentials             PAUSE          ACCOUNT_DISCONNECTED no  no
401 wrong_account                   PAUSE          ACCOUNT_DISCONNECTED no  no
401 disconnected_feature            PAUSE          ACCOUNT_DISCONNECTED no  no
401 checkpoint_error                PAUSE          CHECKPOINT           no  no
401 invalid_checkpoint_solution     PAUSE          CHECKPOINT           no  no
401 multiple_sessions               PAUSE          CHECKPOINT           no  no
401 captcha_not_supported           PAUSE          CHECKPOINT           no  no
403 account_restricted              PAUSE          ACCOUNT_RESTRICTED   yes no
403 action_required                 PAUSE          ACCOUNT_RESTRICTED   yes no
403 unknown_authentication_context  PAUSE          ACCOUNT_RESTRICTED   yes no
403 session_mismatch                PAUSE          ACCOUNT_RESTRICTED   yes no
403 account_mismatch                PAUSE          ACCOUNT_RESTRICTED   yes no
403 resource_access_restricted      PROFILE_FAILED NOT_ACCESSIBLE       yes no
403 feature_not_subscribed          PAUSE          CONFIGURATION        yes no
403 subscription_required           PAUSE          CONFIGURATION        yes no
403 insufficient_permissions        PAUSE          CONFIGURATION        yes no
404 resource_not_found              PROFILE_FAILED NOT_FOUND            yes no
404 invalid_resource_identifier     PROFILE_FAILED NOT_FOUND            yes no
422 invalid_recipient               PROFILE_FAILED NOT_ACCESSIBLE       yes no
422 user_unreachable                PROFILE_FAILED NOT_ACCESSIBLE       yes no
422 blocked_recipient               PROFILE_FAILED NOT_ACCESSIBLE       yes no
422 invalid_account                 PAUSE          CONFIGURATION        no  no
422 limit_exceeded                  PAUSE          PROVIDER_LIMIT       yes no
422 cannot_resend_yet               PAUSE          PROVIDER_LIMIT       yes no
429 too_many_requests               PAUSE          PROVIDER_LIMIT       yes no
500 unexpected_error                RETRY          -                    yes yes
500 provider_error                  RETRY          -                    yes yes
501 feature_not_implemented         PAUSE          CONFIGURATION        no  no
503 no_client_session               RETRY          -                    yes yes
503 no_channel                      RETRY          -                    yes yes
503 no_handler                      RETRY          -                    yes yes
503 network_down                    RETRY          -                    yes yes
503 service_unavailable             RETRY          -                    yes yes
504 request_timeout                 RETRY          -                    yes yes
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize(("status", "error_type", "kind", "reason", "charged", "breaker"), ROWS)
def test_listed_error(
    status: str, error_type: str, kind: str, reason: str, charged: str, breaker: str
) -> None:
    outcome = classify(finding=Finding.ERROR, status=int(status), error_type=error_type)
    assert outcome.kind == kind
    assert (outcome.pause_reason or outcome.failure_reason or "-") == reason
    assert outcome.charged == (charged == "yes")
    assert outcome.counts_for_breaker == (breaker == "yes")
    assert outcome.listed


def test_the_table_above_is_whole() -> None:
    assert set(ERRORS) == {(int(row[0]), row[1]) for row in ROWS}


@pytest.mark.parametrize(
    ("finding", "kind", "charged", "breaker"),
    [
        (Finding.COMPLETE, OutcomeKind.ENRICHED, True, False),
        (Finding.THROTTLED, OutcomeKind.PARTIAL, True, False),
        (Finding.NAMES_WITHHELD, OutcomeKind.PARTIAL, True, False),
        (Finding.ANOTHER_MEMBER, OutcomeKind.DISCARDED, True, True),
        (Finding.NOT_A_PROFILE, OutcomeKind.DISCARDED, True, True),
        (Finding.REDIRECT, OutcomeKind.RETRY, True, True),
        (Finding.OVERSIZED, OutcomeKind.RETRY, True, True),
        (Finding.BROKEN_BODY, OutcomeKind.RETRY, True, True),
        (Finding.TIMEOUT, OutcomeKind.RETRY, True, True),
        (Finding.CONNECTION_LOST, OutcomeKind.RETRY, True, True),
        (Finding.CONNECTION_REFUSED, OutcomeKind.RETRY, False, True),
    ],
)
def test_finding(finding: Finding, kind: OutcomeKind, charged: bool, breaker: bool) -> None:
    outcome = classify(finding=finding, status=200)
    assert (outcome.kind, outcome.charged, outcome.counts_for_breaker) == (kind, charged, breaker)


def test_every_finding_has_a_meaning() -> None:
    assert set(FINDINGS) | {Finding.ERROR} == set(Finding)


@pytest.mark.parametrize(
    ("status", "error_type"),
    [(418, "teapot"), (500, "limit_exceeded"), (404, None), (401, None), (400, ""), (None, None)],
)
def test_anything_else_is_transient_charged_and_told(
    status: int | None, error_type: str | None
) -> None:
    outcome = classify(finding=Finding.ERROR, status=status, error_type=error_type)
    assert outcome == Outcome(
        kind=OutcomeKind.RETRY, charged=True, counts_for_breaker=True, listed=False
    )


def test_a_gateway_page_is_transient_and_listed() -> None:
    assert classify(finding=Finding.ERROR, status=502) == classify(finding=Finding.TIMEOUT)


def test_429_pauses_whoever_says_it() -> None:
    for error_type in ("too_many_requests", "rate_limited", None):
        outcome = classify(finding=Finding.ERROR, status=429, error_type=error_type)
        assert outcome.pause_reason is PauseReason.PROVIDER_LIMIT
        assert outcome.pause_end is PauseEnd.RETRY_AFTER


@pytest.mark.parametrize("outcome", [*ERRORS.values(), *FINDINGS.values()])
def test_reasons_go_with_their_kind(outcome: Outcome) -> None:
    pauses = outcome.kind is OutcomeKind.PAUSE
    assert (outcome.pause_reason is not None) == pauses
    assert (outcome.pause_end is not None) == pauses
    assert (outcome.failure_reason is not None) == (outcome.kind is OutcomeKind.PROFILE_FAILED)
    assert outcome.failure_reason is not FailureReason.ERASED


@pytest.mark.parametrize(
    ("retry_after_ms", "wait_ms"),
    [(None, HOUR), (60_000, 60_000), (DAY, DAY), (DAY + 1, DAY), (10**15, DAY)],
)
def test_retry_after_counts_up_to_a_day(retry_after_ms: int | None, wait_ms: int) -> None:
    outcome = classify(finding=Finding.ERROR, status=429, error_type="too_many_requests")
    assert pause_for_ms(outcome, retry_after_ms=retry_after_ms) == wait_ms


def test_linkedins_own_limit_stops_the_day() -> None:
    outcome = classify(finding=Finding.ERROR, status=422, error_type="limit_exceeded")
    assert outcome.pause_end is PauseEnd.NEXT_DAY
    assert pause_for_ms(outcome, retry_after_ms=HOUR) is None


def test_a_pause_for_a_person_has_no_end() -> None:
    outcome = classify(finding=Finding.ERROR, status=401, error_type="checkpoint_error")
    assert outcome.pause_end is PauseEnd.PERSON
    assert pause_for_ms(outcome, retry_after_ms=HOUR) is None


def test_five_attempts_then_no_more() -> None:
    minutes = [delay and delay // 60_000 for delay in map(retry_delay_ms, range(1, 7))]
    assert minutes == [10, 30, 120, 360, None, None]


def test_three_partial_answers_then_no_more() -> None:
    hours = [delay and delay // HOUR for delay in map(partial_delay_ms, range(1, 5))]
    assert hours == [6, 24, None, None]
