"""Bearer tokens in files, sent with every call and read again when they change."""

import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

import grpc

_log = logging.getLogger(__name__)

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

_KEY: Final = "authorization"


class Token:
    """A bearer token in a file; should the file go away, the token of before stays."""

    def __init__(self, path: Path) -> None:
        """OSError or ValueError when there is no token in the file."""
        self._path = path
        self._version = self._look()
        self._value = _read(path)

    def metadata(self, given: Iterable[tuple[str, str | bytes]] | None) -> grpc.aio.Metadata:
        """The metadata of a call, with the token as it is now."""
        return grpc.aio.Metadata(*(given or ()), (_KEY, f"Bearer {self._current()}"))

    def _current(self) -> str:
        try:
            version = self._look()
            if version != self._version:
                self._value = _read(self._path)
                self._version = version
        except (OSError, ValueError) as error:
            _log.warning("token not read again (%s), using that of before", type(error).__name__)
        return self._value

    def _look(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino


class TokenOnResponseStreams(grpc.aio.UnaryStreamClientInterceptor):
    """Sends the token with calls that are answered by a stream."""

    def __init__(self, token: Token) -> None:
        self._token = token

    async def intercept_unary_stream(
        self,
        continuation: Callable[
            [grpc.aio.ClientCallDetails, RequestT],
            Awaitable[grpc.aio.UnaryStreamCall[RequestT, ResponseT]],
        ],
        client_call_details: grpc.aio.ClientCallDetails,
        request: RequestT,
    ) -> grpc.aio.UnaryStreamCall[RequestT, ResponseT]:
        return await continuation(with_token(client_call_details, self._token), request)


class TokenOnStreams(grpc.aio.StreamStreamClientInterceptor):
    """Sends the token with streams in both directions."""

    def __init__(self, token: Token) -> None:
        self._token = token

    async def intercept_stream_stream(
        self,
        continuation: Callable[
            [grpc.aio.ClientCallDetails, AsyncIterable[RequestT] | Iterable[RequestT]],
            Awaitable[grpc.aio.StreamStreamCall[RequestT, ResponseT]],
        ],
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: AsyncIterable[RequestT] | Iterable[RequestT],
    ) -> grpc.aio.StreamStreamCall[RequestT, ResponseT]:
        return await continuation(with_token(client_call_details, self._token), request_iterator)


def with_token(
    details: grpc.aio.ClientCallDetails, token: Token | None
) -> grpc.aio.ClientCallDetails:
    """The details of a call with the token as it is now, unchanged without one."""
    if token is None:
        return details
    return grpc.aio.ClientCallDetails(
        details.method,
        details.timeout,
        token.metadata(details.metadata),
        details.credentials,
        details.wait_for_ready,
    )


def _read(path: Path) -> str:
    token = path.read_text("ascii").strip()
    if not token or any(character.isspace() for character in token):
        raise ValueError(f"there is no token in {path}")
    return token
