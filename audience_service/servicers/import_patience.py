"""How long an import waits for its file: a stream that says nothing must not stay open for ever."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from audience.v1 import audiences_pb2

from servicekit.errors import Code, ServiceError


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds without any part of the file, and those that all parts of one stream may take."""

    idle_seconds: float
    receive_seconds: float

    async def read(
        self, requests: AsyncIterator[audiences_pb2.ImportProspectsRequest]
    ) -> AsyncGenerator[audiences_pb2.ImportProspectsRequest]:
        """The messages as they come.

        DEADLINE_EXCEEDED, IMPORT_IDLE or IMPORT_TOO_LONG, when they do not. What has arrived stays.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self.receive_seconds
        while True:
            idle_end = loop.time() + self.idle_seconds
            try:
                async with asyncio.timeout_at(min(idle_end, end)):
                    request = await anext(requests, None)
            except TimeoutError:
                raise self._idle() if idle_end < end else self._too_long() from None
            if request is None:
                return
            yield request

    def _idle(self) -> ServiceError:
        return _given_up(
            "IMPORT_IDLE", f"No part of the file has come for {self.idle_seconds:g} s."
        )

    def _too_long(self) -> ServiceError:
        return _given_up(
            "IMPORT_TOO_LONG", f"The file did not arrive within {self.receive_seconds:g} s."
        )


def _given_up(reason: str, what: str) -> ServiceError:
    return ServiceError(
        code=Code.DEADLINE_EXCEEDED,
        reason=reason,
        message=f"{what} What has arrived is kept: begin again with the same request_id, and send "
        "the file from next_offset.",
    )
