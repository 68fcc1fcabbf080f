"""Taking in requests: received only after their caller was let in, parsed, checked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError, Message

from servicekit.access import Rule, check_workspaces
from servicekit.callers import current_caller
from servicekit.errors import Code, ServiceError
from servicekit.validation import validate

Context = grpc.aio.ServicerContext[Any, Any]
Receive = Callable[[Any, Context], Awaitable[Any]]

_RECEIVE_SECONDS: Final = 10


async def as_they_come(requests: Any, _context: Context) -> Any:
    """The messages of a stream: the servicer reads them."""
    return requests


def receiver(parse: Callable[[bytes], Message]) -> Receive:
    """The one message of a call, taken from the network only after its caller was let in."""

    async def receive(_requests: Any, context: Context) -> Message:
        try:
            async with asyncio.timeout(_RECEIVE_SECONDS):
                data = await context.read()
        except TimeoutError:
            raise ServiceError(
                code=Code.DEADLINE_EXCEEDED,
                reason="REQUEST_TOO_SLOW",
                message=f"The request did not arrive within {_RECEIVE_SECONDS} s. Send it again.",
            ) from None
        if data is grpc.aio.EOF:
            raise _malformed("There was no request.")
        return parse(data)

    return receive


def parser(
    deserialize: Callable[[bytes], Any], rule: Rule, *, streamed: bool
) -> Callable[[bytes], Message]:
    """Bytes to a message that the caller may send and that is valid."""

    def parse(data: bytes) -> Message:
        try:
            message: Message = deserialize(data)
        except DecodeError:
            raise _malformed("The request is not a message of this method.") from None
        # Before anything is said about what the request names.
        check_workspaces(rule, current_caller.get(), message, streamed=streamed)
        validate(message)
        return message

    return parse


def _malformed(what: str) -> ServiceError:
    return ServiceError(
        code=Code.INVALID_ARGUMENT,
        reason="REQUEST_MALFORMED",
        message=f"{what} Compare the .proto files.",
    )
