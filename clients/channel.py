"""The channel to a service: limits, keepalive, deadlines and retries, set in one place.

Unary calls on such a channel have a deadline (``timeout=`` of the call, or the channel's default),
raise ``RpcFailed``, and are repeated on UNAVAILABLE where that is harmless. Streams pass as they
are; ``clients.subscription`` and ``clients.imports`` follow them.
"""

import asyncio
import copy
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import grpc
from google.protobuf.message import Message

from clients.backoff import Backoff
from clients.credentials import Credentials
from clients.errors import RpcFailed
from clients.tokens import Token, TokenOnResponseStreams, TokenOnStreams, with_token

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

DEFAULT_TIMEOUT_SECONDS: Final = 10.0
PLAIN_TEXT: Final = Credentials()
_KEEPALIVE_MS = 30_000
_PING_TIMEOUT_MS = 10_000
_MAX_MESSAGE_BYTES = 4 * 1024 * 1024

# The same at both ends: a client that pings more often than the server allows is sent away.
_OPTIONS = (
    ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Without this a frozen peer keeps its connection whatever the keepalive says.
    ("grpc.http2.ping_timeout_ms", _PING_TIMEOUT_MS),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # A service that restarts is back within seconds: find it again as fast.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)

_REQUEST_ID: Final = "request_id"

# Calls whose request id makes a repeat the same call. One is made up when the caller gives none.
REQUEST_ID_METHODS: Final = frozenset(
    {
        "CombineAudiences",
        "ConnectAccount",
        "ConsumeViews",
        "CreateAudience",
        "CreateEnrichment",
        "ReserveViews",
    }
)
# Calls that change nothing, or that end in the same state however often they run.
REPEATABLE_METHODS: Final = REQUEST_ID_METHODS | {
    "AddProspects",
    "BatchGetProfiles",
    "BatchGetViewBudgets",
    "CancelEnrichment",
    "CheckReadiness",
    "CommitViews",
    "DisconnectAccount",
    "EraseProfile",
    "EraseProspect",
    "ExplainEnrichment",
    "GetAccount",
    "GetAudience",
    "GetAudienceCount",
    "GetEnrichment",
    "GetEventLog",
    "GetImportReceipt",
    "GetProspect",
    "GetViewBudget",
    "ListAccounts",
    "ListAudienceProspects",
    "ListAudiences",
    "ListEnrichments",
    "ListEvents",
    "ListProspects",
    "ListSuppressions",
    "ListUnreadyMembers",
    "PauseEnrichment",
    "ReconnectAccount",
    "ReleaseViews",
    "RemoveProspects",
    "RenderMessages",
    "ResumeEnrichment",
    "StartEnrichment",
    "SubmitProfiles",
    "WithdrawProfiles",
    "SuppressProspects",
    "UnsuppressProspects",
}


def open_channel(
    address: str,
    *,
    timeout: float = DEFAULT_TIMEOUT_SECONDS,
    credentials: Credentials = PLAIN_TEXT,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
) -> grpc.aio.Channel:
    """A channel to ``host:port``; ``timeout`` is the default deadline in seconds.

    ``interceptors`` see each attempt of a call that is repeated.

    Raises:
        OSError: a file of the credentials cannot be read.
        ValueError: they hold no token, or it would be sent to another machine in plain text.
    """
    token = credentials.token_for(address)
    chain: list[grpc.aio.ClientInterceptor] = [_UnaryCalls(timeout=timeout, token=token)]
    if token is not None:
        chain += [TokenOnResponseStreams(token), TokenOnStreams(token)]
    chain += interceptors
    tls = credentials.channel_credentials()
    if tls is None:
        return grpc.aio.insecure_channel(address, options=_OPTIONS, interceptors=chain)
    return grpc.aio.secure_channel(address, tls, options=_OPTIONS, interceptors=chain)


class _UnaryCalls(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, *, timeout: float, token: Token | None) -> None:
        self._timeout = timeout
        self._token = token

    async def intercept_unary_unary(
        self,
        continuation: Callable[
            [grpc.aio.ClientCallDetails, RequestT],
            Awaitable[grpc.aio.UnaryUnaryCall[RequestT, ResponseT]],
        ],
        client_call_details: grpc.aio.ClientCallDetails,
        request: RequestT,
    ) -> grpc.aio.UnaryUnaryCall[RequestT, ResponseT]:
        details = client_call_details
        method = _method_name(details.method)
        if method in REQUEST_ID_METHODS:
            request = _with_request_id(request)
        timeout = self._timeout if details.timeout is None else details.timeout
        deadline = time.monotonic() + timeout
        backoff = Backoff(longest=2.0)
        while True:
            left = max(0.0, deadline - time.monotonic())
            # With the token of now: the one of the try before may have been renewed.
            attempt = _with_timeout(with_token(details, self._token), left)
            call = await continuation(attempt, request)
            try:
                await call
                return call
            except grpc.aio.AioRpcError as error:
                failed = RpcFailed(error)
            finally:
                # Does nothing to a call that is done; an abandoned one is not left running.
                call.cancel()
            pause = backoff.next_pause()
            if failed.retry_after is not None:
                pause = max(pause, failed.retry_after.total_seconds())
            out_of_time = time.monotonic() + pause >= deadline
            if (
                failed.code() is not grpc.StatusCode.UNAVAILABLE
                or method not in REPEATABLE_METHODS
                or out_of_time
            ):
                raise failed
            await asyncio.sleep(pause)


def _method_name(path: str | bytes) -> str:
    text = path.decode() if isinstance(path, bytes) else path
    return text.rpartition("/")[2]


def _with_timeout(
    details: grpc.aio.ClientCallDetails, timeout: float
) -> grpc.aio.ClientCallDetails:
    return grpc.aio.ClientCallDetails(
        details.method, timeout, details.metadata, details.credentials, details.wait_for_ready
    )


def _with_request_id(request: RequestT) -> RequestT:
    """The request itself if it has an id, otherwise a copy with one: the caller's stays as is."""
    if not isinstance(request, Message) or getattr(request, _REQUEST_ID, None) != "":
        return request
    filled = copy.deepcopy(request)
    setattr(filled, _REQUEST_ID, uuid.uuid4().hex)
    return filled
