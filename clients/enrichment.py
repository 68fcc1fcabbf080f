"""Client of the enrichment service: accounts, view budgets, enrichments and events."""

from types import TracebackType
from typing import Self

import grpc
from enrichment.v1.accounts_pb2_grpc import AccountServiceStub
from enrichment.v1.enrichments_pb2_grpc import EnrichmentServiceStub
from enrichment.v1.events_pb2_grpc import EventServiceStub
from enrichment.v1.view_budgets_pb2_grpc import ViewBudgetServiceStub

from clients.channel import DEFAULT_TIMEOUT_SECONDS, open_channel


class EnrichmentClient:
    """The generated stubs over one channel; every unary call has a deadline and raises RpcFailed.

    Follow events with ``clients.subscription.subscribe(client.events, …)``.
    """

    def __init__(
        self, target: str | grpc.aio.Channel, *, timeout: float = DEFAULT_TIMEOUT_SECONDS
    ) -> None:
        """``target`` is host:port, or a channel of ``open_channel`` that somebody else closes.

        ``timeout`` is the deadline, in seconds, of calls that bring none; it needs an address.
        """
        self._owns_channel = isinstance(target, str)
        channel = open_channel(target, timeout=timeout) if isinstance(target, str) else target
        self._channel = channel
        self.accounts = AccountServiceStub(channel)
        self.view_budgets = ViewBudgetServiceStub(channel)
        self.enrichments = EnrichmentServiceStub(channel)
        self.events = EventServiceStub(channel)

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
