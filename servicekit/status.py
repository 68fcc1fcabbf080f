"""ServiceError to a gRPC status with rich details (google.rpc.ErrorInfo and its siblings).

Importing error_details_pb2 here also puts it into the pool that reflection serves from, so that
grpcurl shows the details by name.
"""

from collections.abc import Iterator, Sequence

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from servicekit.errors import Code, FieldViolation, ServiceError

# The key under which every gRPC library looks for a google.rpc.Status.
DETAILS_KEY = "grpc-status-details-bin"

# Clients accept 8 KiB of metadata by default, and binary values grow by a third on the wire.
_DETAILS_BYTES = 4096
_MESSAGE_CHARACTERS = 1000

_GRPC_CODES = {code: grpc.StatusCode[code.name] for code in Code}


def grpc_code(code: Code) -> grpc.StatusCode:
    """The gRPC library's member for one of our codes."""
    return _GRPC_CODES[code]


def status_metadata(error: ServiceError, *, domain: str) -> tuple[str, tuple[str, bytes]]:
    """The status message, and the trailing metadata entry that carries the details.

    ``domain`` is the proto package of the called method, such as "enrichment.v1".
    """
    message = error.message[:_MESSAGE_CHARACTERS]
    # The library demands that both messages are equal.
    status = status_pb2.Status(code=error.code.value, message=message)
    for detail in _details(error, domain=domain):
        status.details.add().Pack(detail)
    return message, (DETAILS_KEY, status.SerializeToString())


def _details(error: ServiceError, *, domain: str) -> list[Message]:
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=domain, metadata=error.metadata)
    ]
    if error.violations:
        bad_request = error_details_pb2.BadRequest()
        for violation in _fitting(error.violations):
            bad_request.field_violations.add(
                field=violation.field, description=violation.description, reason=violation.reason
            )
        details.append(bad_request)
    if error.quota:
        quota = error_details_pb2.QuotaFailure()
        for entry in error.quota:
            quota.violations.add(subject=entry.subject, description=entry.description)
        details.append(quota)
    if error.retry_after_ms is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(max(0, error.retry_after_ms))
        details.append(retry)
    return details


def _fitting(violations: Sequence[FieldViolation]) -> Iterator[FieldViolation]:
    """As many violations as fit; the message of the error says how many there are in all."""
    size = 0
    for violation in violations:
        size += len(violation.field) + len(violation.description) + len(violation.reason) + 10
        if size > _DETAILS_BYTES:
            return
        yield violation
