"""The errors that use cases raise: they know their status, and nothing of gRPC.

Callers switch on ``reason`` and never on ``message``. A message says what to do next and holds no
personal data. Standard library only, so that every layer may import this module.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Code(Enum):
    """The canonical status codes, named and numbered as gRPC does."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True, kw_only=True)
class FieldViolation:
    """One field of a request that is wrong: its dotted path, what is wrong, and a stable reason."""

    field: str
    description: str
    reason: str = "INVALID"


@dataclass(frozen=True, kw_only=True)
class QuotaViolation:
    """One quota that stands in the way: what it belongs to (a resource name), and which it is."""

    subject: str
    description: str


class ServiceError(Exception):
    """An expected failure of a call, with all that the caller is told about it.

    ``retry_after_ms`` is in milliseconds; None says nothing about repeating the call.
    """

    def __init__(
        self,
        *,
        code: Code,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        quota: Sequence[QuotaViolation] = (),
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = list(violations)
        self.quota = list(quota)
        self.retry_after_ms = retry_after_ms

    def __repr__(self) -> str:
        return f"ServiceError({self.code.name}, {self.reason})"


# The message travels in HTTP headers, which callers accept up to 8 KiB: a long list is cut.
_NAMED_IN_MESSAGE = 5
# What a caller can make by that name, and how; everything else comes about by other calls.
_MADE_BY_CALLERS = {"account": "connect", "audience": "create", "enrichment": "create"}


def invalid_fields(violations: Sequence[FieldViolation]) -> ServiceError:
    """INVALID_ARGUMENT, FIELDS_INVALID: the message names the fields, the details name them all."""
    named = [f"{v.field}: {v.description}" for v in violations[:_NAMED_IN_MESSAGE]]
    if len(violations) > _NAMED_IN_MESSAGE:
        named.append(f"and {len(violations) - _NAMED_IN_MESSAGE} more")
    return ServiceError(
        code=Code.INVALID_ARGUMENT,
        reason="FIELDS_INVALID",
        message=f"Correct the request and send it again: {'; '.join(named)}.",
        violations=violations,
    )


def invalid_argument(
    field: str, description: str, *, reason: str = "FIELDS_INVALID"
) -> ServiceError:
    """INVALID_ARGUMENT for one field, given by its dotted path."""
    return ServiceError(
        code=Code.INVALID_ARGUMENT,
        reason=reason,
        message=f"Correct the request and send it again: {field}: {description}.",
        violations=[FieldViolation(field=field, description=description, reason=reason)],
    )


def not_found(resource_type: str, name: str) -> ServiceError:
    """NOT_FOUND, with the reason ``<TYPE>_NOT_FOUND``; the type is one word such as "account"."""
    first = _MADE_BY_CALLERS.get(resource_type)
    check = f"Check the name, or {first} it first." if first else "Check the name."
    return ServiceError(
        code=Code.NOT_FOUND,
        reason=f"{resource_type.upper()}_NOT_FOUND",
        message=f"There is no {resource_type} {name}. {check}",
        metadata={"resource_type": resource_type, "resource_name": name},
    )


def already_exists(resource_type: str, name: str) -> ServiceError:
    """ALREADY_EXISTS, with the reason ``<TYPE>_ALREADY_EXISTS``."""
    return ServiceError(
        code=Code.ALREADY_EXISTS,
        reason=f"{resource_type.upper()}_ALREADY_EXISTS",
        message=f"The {resource_type} {name} exists already. Use it, or choose another id.",
        metadata={"resource_type": resource_type, "resource_name": name},
    )


def failed_precondition(
    reason: str, message: str, *, metadata: Mapping[str, str] | None = None
) -> ServiceError:
    """FAILED_PRECONDITION: repeating the call does not help until something else has changed."""
    return ServiceError(
        code=Code.FAILED_PRECONDITION, reason=reason, message=message, metadata=metadata
    )


def resource_exhausted(
    reason: str,
    message: str,
    *,
    quota: Sequence[QuotaViolation] = (),
    retry_after_ms: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> ServiceError:
    """RESOURCE_EXHAUSTED: a budget or limit is used up, for ``retry_after_ms`` if that is known."""
    return ServiceError(
        code=Code.RESOURCE_EXHAUSTED,
        reason=reason,
        message=message,
        metadata=metadata,
        quota=quota,
        retry_after_ms=retry_after_ms,
    )


def out_of_range(reason: str, message: str) -> ServiceError:
    """OUT_OF_RANGE: a position that was valid once and is not any more, such as an old cursor."""
    return ServiceError(code=Code.OUT_OF_RANGE, reason=reason, message=message)


def aborted(
    reason: str, message: str, *, metadata: Mapping[str, str] | None = None
) -> ServiceError:
    """ABORTED: somebody else changed the same thing; read it again and repeat the whole step."""
    return ServiceError(code=Code.ABORTED, reason=reason, message=message, metadata=metadata)


def unavailable(reason: str, message: str, *, retry_after_ms: int | None = None) -> ServiceError:
    """UNAVAILABLE: the same call may be repeated after a pause."""
    return ServiceError(
        code=Code.UNAVAILABLE, reason=reason, message=message, retry_after_ms=retry_after_ms
    )


def unimplemented(*, missing: str) -> ServiceError:
    """UNIMPLEMENTED, METHOD_NOT_AVAILABLE: names the method, or the part, that is missing."""
    return ServiceError(
        code=Code.UNIMPLEMENTED,
        reason="METHOD_NOT_AVAILABLE",
        message=f"{missing} is not available in this version of the server. Do without it for now.",
        metadata={"missing": missing},
    )
