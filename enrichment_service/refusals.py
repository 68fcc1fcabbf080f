"""Calls of the store whose refusals become errors that tell the caller what to do next."""

from collections.abc import Callable
from typing import Any

from enrichment_service.ports import RefusedError, StorePort
from servicekit.errors import (
    QuotaViolation,
    ServiceError,
    aborted,
    already_exists,
    failed_precondition,
    invalid_argument,
    not_found,
    resource_exhausted,
)


async def ask(
    store: StorePort, partition: int, function: str, *, subject: str, **request: object
) -> Any:
    """The answer of a store function in a partition.

    `subject` is the full name of the resource that the call is about, for messages.
    """
    try:
        return await store.call(partition, function, request)
    except RefusedError as refusal:
        raise to_error(refusal, subject) from refusal


def to_error(refusal: RefusedError, subject: str) -> ServiceError:
    """What the caller is told of a refusal."""
    if refusal.reason in _ERRORS:
        return _ERRORS[refusal.reason](subject, refusal.details)
    return failed_precondition(
        refusal.reason, f"{subject} is not in a state that allows this ({refusal.reason})."
    )


def _budget_exhausted(subject: str, details: dict[str, Any]) -> ServiceError:
    wait_ms = int(details["retry_after_ms"])
    what = (
        "the day's records were lost, so no view is safe"
        if details["day_lost"]
        else f"{details['available']} of {details['limit']} views a day are left"
    )
    return resource_exhausted(
        "VIEW_BUDGET_EXHAUSTED",
        f"{subject}: {what}. Ask again after 00:00 UTC, ask for fewer, or set allow_partial.",
        quota=[QuotaViolation(subject=subject, description=f"views a UTC day: {what}")],
        retry_after_ms=wait_ms,
        metadata={"available": str(details["available"]), "limit": str(details["limit"])},
    )


def _no_account(_: str, details: dict[str, Any]) -> ServiceError:
    # The call may be about something else, such as a reservation of the account.
    workspace, _, account = str(details["account"]).partition("/")
    return not_found("account", f"workspaces/{workspace}/accounts/{account}")


def _claimed(subject: str, details: dict[str, Any]) -> ServiceError:
    error = already_exists("provider_account", "with this provider_account_id")
    wait_ms = details.get("retry_after_ms")
    return ServiceError(
        code=error.code,
        reason="PROVIDER_ACCOUNT_CLAIMED",
        message=f"{subject}: this provider account is connected under another name. Use that one, "
        "or delete it there and connect it here after 00:00 UTC.",
        retry_after_ms=int(wait_ms) if wait_ms is not None else None,
    )


_ERRORS: dict[str, Callable[[str, dict[str, Any]], ServiceError]] = {
    "ACCOUNT_NOT_FOUND": _no_account,
    "ACCOUNT_EXISTS": lambda subject, _: already_exists("account", subject),
    "ACCOUNT_IN_USE": lambda subject, details: failed_precondition(
        "ACCOUNT_IN_USE",
        f"{subject} still has enrichments: {details['enrichments']}. Cancel them first.",
    ),
    "ENRICHMENT_NOT_FOUND": lambda subject, _: not_found("enrichment", subject),
    "ENRICHMENT_EXISTS": lambda subject, _: already_exists("enrichment", subject),
    "ENRICHMENT_CANCELLED": lambda subject, _: failed_precondition(
        "ENRICHMENT_CANCELLED", f"{subject} was cancelled for good. Create another one."
    ),
    "PROFILE_NOT_FOUND": lambda subject, _: not_found("profile", subject),
    "PROVIDER_ACCOUNT_CLAIMED": _claimed,
    "ETAG_MISMATCH": lambda subject, _: aborted(
        "ETAG_MISMATCH", f"{subject} has changed since it was read. Read it again, then repeat."
    ),
    "RAMP_START_IN_FUTURE": lambda _, __: invalid_argument(
        "account.ramp_start_date", "must not be after today (UTC)"
    ),
    "REQUEST_ID_REUSED": lambda _, __: failed_precondition(
        "REQUEST_ID_REUSED",
        "This request_id was used for another request. Choose a new one for a new request.",
    ),
    "VIEW_BUDGET_EXHAUSTED": _budget_exhausted,
    "RESERVATION_NOT_FOUND": lambda subject, _: not_found("reservation", subject),
    "RESERVATION_EXPIRED": lambda subject, _: failed_precondition(
        "RESERVATION_EXPIRED",
        f"{subject} has expired and its views were charged. Nothing is left to release.",
    ),
    "RESERVATION_SETTLED": lambda subject, details: failed_precondition(
        "RESERVATION_SETTLED",
        f"{subject} was {details['state']} before with {details['used']} views used. It is settled "
        "once; reserve again for more.",
        metadata={"state": str(details["state"]), "used": str(details["used"])},
    ),
    "USED_ABOVE_RESERVED": lambda _, details: invalid_argument(
        "used", f"must be at most {details['count']}, the reserved count"
    ),
}
