"""What the clients of both services have in common: a channel, opened here or given."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import grpc

from clients.channel import DEFAULT_TIMEOUT_SECONDS, PLAIN_TEXT, open_channel
from clients.credentials import Credentials


class ServiceClient:
    """Generated stubs over one channel; every unary call has a deadline and raises RpcFailed."""

    def __init__(
        self,
        target: str | grpc.aio.Channel,
        *,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        credentials: Credentials = PLAIN_TEXT,
        interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
    ) -> None:
        """``target`` is host:port, or a channel of ``open_channel`` that somebody else closes.

        ``timeout`` is the deadline, in seconds, of calls that bring none. It, ``credentials`` and
        ``interceptors`` are for an address, as of ``open_channel``; a channel has its own.
        """
        self._owns_channel = isinstance(target, str)
        self._channel = (
            open_channel(
                target, timeout=timeout, credentials=credentials, interceptors=interceptors
            )
            if isinstance(target, str)
            else target
        )

    @property
    def channel(self) -> grpc.aio.Channel:
        """The channel, for what else the server answers: health and reflection."""
        return self._channel

    async def close(self) -> None:
        """Close the channel if it was opened here. Calls under way are cancelled."""
        if self._owns_channel:
            await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
