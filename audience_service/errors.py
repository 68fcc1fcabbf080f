"""What can go wrong here, beyond the errors that both services share."""

from typing import Final

from audience_service.model import Audience
from servicekit.errors import Code, ServiceError, aborted, already_exists, failed_precondition

QUOTA_EXHAUSTED: Final = "LINKEDIN_QUOTA_EXHAUSTED"
"""Reason of the refusal after which LinkedIn is not asked again that day."""


class LogLostError(Exception):
    """The event log cannot be read on from the cursor: only a snapshot helps."""


class CursorMovedError(Exception):
    """Another process has applied these events already."""


def etag_mismatch(resource_type: str) -> ServiceError:
    """ABORTED: the resource has changed since the caller read it."""
    return aborted(
        "ETAG_MISMATCH",
        f"The {resource_type} has changed since you read it. Read it again, then repeat the "
        "change with the new etag.",
    )


def audience_building(workspace: str, audience: str) -> ServiceError:
    """FAILED_PRECONDITION: not all of its members are there yet."""
    return failed_precondition(
        "AUDIENCE_BUILDING",
        f"The members of workspaces/{workspace}/audiences/{audience} are still being put together. "
        "Repeat the call when GetAudience says that it is READY.",
    )


def id_taken(audience: Audience) -> ServiceError:
    """ALREADY_EXISTS: another audience has the id, be it a deleted one."""
    name = f"workspaces/{audience.workspace}/audiences/{audience.id}"
    if audience.delete_ms is None:
        return already_exists("audience", name)
    return ServiceError(
        code=Code.ALREADY_EXISTS,
        reason="AUDIENCE_ALREADY_EXISTS",
        message=f"The audience {name} is deleted and keeps its id until it is purged. Bring "
        "it back with UndeleteAudience, or choose another id.",
        metadata={"resource_type": "audience", "resource_name": name},
    )


def request_id_reused() -> ServiceError:
    """FAILED_PRECONDITION: a request id stands for one request for ever."""
    return failed_precondition(
        "REQUEST_ID_REUSED", "This request_id belongs to another request. Take a new one."
    )


def account_needed() -> ServiceError:
    """FAILED_PRECONDITION: nobody could view the profiles."""
    return failed_precondition(
        "ACCOUNT_NOT_SET",
        "The audience has no account to be enriched with. Set audience.account with "
        "UpdateAudience, then start again.",
    )
