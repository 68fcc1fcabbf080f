"""Client of the audience service: audiences, prospects and audience counts."""

import grpc
from audience.v1.audience_counts_pb2_grpc import AudienceCountServiceStub
from audience.v1.audiences_pb2_grpc import AudienceServiceStub
from audience.v1.prospects_pb2_grpc import ProspectServiceStub
from audience.v1.suppressions_pb2_grpc import SuppressionServiceStub

from clients.channel import DEFAULT_TIMEOUT_SECONDS, PLAIN_TEXT
from clients.client import ServiceClient
from clients.credentials import Credentials


class AudienceClient(ServiceClient):
    """The generated stubs of ``audience.v1``.

    Import with ``clients.imports.import_file``; read members with
    ``clients.subscription.stream_prospects``.
    """

    def __init__(
        self,
        target: str | grpc.aio.Channel,
        *,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        credentials: Credentials = PLAIN_TEXT,
    ) -> None:
        """Arguments as of ``ServiceClient``."""
        super().__init__(target, timeout=timeout, credentials=credentials)
        self.audiences = AudienceServiceStub(self._channel)
        self.prospects = ProspectServiceStub(self._channel)
        self.suppressions = SuppressionServiceStub(self._channel)
        self.counts = AudienceCountServiceStub(self._channel)
