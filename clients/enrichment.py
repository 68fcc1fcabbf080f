"""Client of the enrichment service: accounts, view budgets, enrichments and events."""

from collections.abc import Sequence

import grpc
from enrichment.v1.accounts_pb2_grpc import AccountServiceStub
from enrichment.v1.enrichments_pb2_grpc import EnrichmentServiceStub
from enrichment.v1.events_pb2_grpc import EventServiceStub
from enrichment.v1.view_budgets_pb2_grpc import ViewBudgetServiceStub

from clients.channel import DEFAULT_TIMEOUT_SECONDS, PLAIN_TEXT
from clients.client import ServiceClient
from clients.credentials import Credentials


class EnrichmentClient(ServiceClient):
    """The generated stubs of ``enrichment.v1``.

    Follow events with ``clients.subscription.subscribe(client.events, …)``.
    """

    def __init__(
        self,
        target: str | grpc.aio.Channel,
        *,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        credentials: Credentials = PLAIN_TEXT,
        interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
    ) -> None:
        """Arguments as of ``ServiceClient``."""
        super().__init__(
            target, timeout=timeout, credentials=credentials, interceptors=interceptors
        )
        self.accounts = AccountServiceStub(self._channel)
        self.view_budgets = ViewBudgetServiceStub(self._channel)
        self.enrichments = EnrichmentServiceStub(self._channel)
        self.events = EventServiceStub(self._channel)
