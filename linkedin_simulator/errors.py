"""The errors of the connected-account API, and whether the view counted (domain: error table)."""

from typing import NamedTuple


class ErrorKind(NamedTuple):
    """One row of the table: HTTP status, and whether LinkedIn counted the view."""

    status: int
    counted: bool


def _rows(*, status: int, counted: bool, names: str) -> dict[str, ErrorKind]:
    return {name: ErrorKind(status=status, counted=counted) for name in names.split()}


KINDS: dict[str, ErrorKind] = {
    **_rows(status=400, counted=False, names="invalid_parameters"),
    **_rows(
        status=401,
        counted=False,
        names="missing_credentials disconnected_account expired_credentials invalid_credentials "
        "wrong_account disconnected_feature checkpoint_error invalid_checkpoint_solution "
        "multiple_sessions captcha_not_supported",
    ),
    **_rows(
        status=403,
        counted=True,
        names="account_restricted action_required unknown_authentication_context session_mismatch "
        "account_mismatch resource_access_restricted feature_not_subscribed "
        "subscription_required insufficient_permissions",
    ),
    **_rows(status=404, counted=True, names="resource_not_found invalid_resource_identifier"),
    **_rows(status=422, counted=False, names="invalid_account"),
    **_rows(
        status=422,
        counted=True,
        names="invalid_recipient user_unreachable blocked_recipient limit_exceeded "
        "cannot_resend_yet",
    ),
    **_rows(status=429, counted=True, names="too_many_requests"),
    **_rows(status=500, counted=True, names="unexpected_error provider_error"),
    **_rows(status=501, counted=False, names="feature_not_implemented"),
    **_rows(
        status=503,
        counted=True,
        names="no_client_session no_channel no_handler network_down service_unavailable",
    ),
    **_rows(status=504, counted=True, names="request_timeout"),
}


def kind_of(*, name: str, status: int | None = None) -> ErrorKind:
    """The row of an error; one that is not in the table counts as a view (domain: "other").

    Raises:
        ValueError: the error is not in the table and no status was given.
    """
    known = KINDS.get(name)
    if status is None:
        if known is None:
            raise ValueError(f"error type {name!r} is not in the table: give its status too")
        return known
    if known is not None and known.status == status:
        return known
    return ErrorKind(status=status, counted=True)


def error_body(*, name: str, status: int) -> dict[str, object]:
    """The JSON body of an error answer."""
    title = name.replace("_", " ").capitalize()
    return {
        "status": status,
        "type": f"errors/{name}",
        "title": title,
        "detail": f"{title}: simulated answer of the provider.",
    }
