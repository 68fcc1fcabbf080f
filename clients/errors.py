"""What a failed call says: code and reason to decide by, details to act on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

# The key under which every gRPC library puts a google.rpc.Status.
_DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True, kw_only=True)
class FieldViolation:
    """One field of the request that is wrong: its dotted path, and what is wrong with it."""

    field: str
    description: str


class RpcFailed(grpc.aio.AioRpcError):
    """A call that the server refused, or that did not reach it.

    Switch on ``reason`` (UPPER_SNAKE, such as VIEW_BUDGET_EXHAUSTED), never on the message. It is
    empty when the failure came from the transport and not from the server: then ``code()`` tells.

    Attributes:
        reason: stable name of the failure, or an empty string.
        domain: the proto package that the reason belongs to, such as "enrichment.v1".
        metadata: what the server adds to the reason.
        field_violations: the fields of the request to correct.
        retry_after: how long to wait before the same call can succeed; None when not said.
    """

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        """Read the details of ``error``; details that cannot be read are left empty."""
        super().__init__(
            error.code(),
            error.initial_metadata(),
            error.trailing_metadata(),
            error.details(),
            error.debug_error_string(),
        )
        self.reason = ""
        self.domain = ""
        self.metadata: dict[str, str] = {}
        self.field_violations: tuple[FieldViolation, ...] = ()
        self.retry_after: timedelta | None = None
        self._read_details(error.trailing_metadata() or ())

    @property
    def message(self) -> str:
        """The server's message, for people."""
        return self.details() or ""

    def __str__(self) -> str:
        named = f"{self.code().name} {self.reason}".rstrip()
        return f"{named}: {self.message}"

    def __repr__(self) -> str:
        return f"RpcFailed({self})"

    def _read_details(self, trailers: Iterable[tuple[str, str | bytes]]) -> None:
        found = next((value for key, value in trailers if key == _DETAILS_KEY), None)
        if not isinstance(found, bytes):
            return
        info = error_details_pb2.ErrorInfo()
        bad_request = error_details_pb2.BadRequest()
        retry = error_details_pb2.RetryInfo()
        try:
            for detail in status_pb2.Status.FromString(found).details:
                if detail.Unpack(info):
                    self.reason, self.domain = info.reason, info.domain
                    self.metadata = dict(info.metadata)
                elif detail.Unpack(bad_request):
                    self.field_violations = tuple(
                        FieldViolation(field=each.field, description=each.description)
                        for each in bad_request.field_violations
                    )
                elif detail.Unpack(retry):
                    self.retry_after = retry.retry_delay.ToTimedelta()
        except DecodeError:
            # Whatever stands between may have put its own bytes there; code and message remain.
            return


class SnapshotNeeded(RpcFailed):
    """A cursor that cannot be resumed from: the log is younger than it, or was lost.

    ``reason`` is CURSOR_EXPIRED or LOG_EPOCH_CHANGED. Subscribe again with
    START_POSITION_SNAPSHOT and replace what you hold by what it lists.
    """
