"""Connections end at their age; whoever follows a stream comes back and misses nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from enrichment.v1 import accounts_pb2, accounts_pb2_grpc, events_pb2, events_pb2_grpc

from clients.credentials import Credentials
from clients.enrichment import EnrichmentClient
from clients.subscription import subscribe
from enrichment_service.access import ACCESS
from servicekit import listening
from servicekit.server import start_server
from servicekit.services import Service
from servicekit.settings import ServerSettings
from tests.support.credentials import Issuer, jwt_settings
from tests.support.partial_servicers import allow_missing


class _Events(events_pb2_grpc.EventServiceServicer):
    """Counts upwards from the cursor, and notes from where each stream began."""

    def __init__(self) -> None:
        self.began: list[int] = []

    async def SubscribeEvents(
        self, request: events_pb2.SubscribeEventsRequest, context: Any
    ) -> AsyncIterator[events_pb2.SubscribeEventsResponse]:
        number = int(request.after_cursor or 0)
        self.began.append(number)
        while True:
            number += 1
            yield events_pb2.SubscribeEventsResponse(cursor=str(number))
            await asyncio.sleep(0.01)


class _Accounts(accounts_pb2_grpc.AccountServiceServicer):
    async def GetAccount(self, request: Any, context: Any) -> accounts_pb2.GetAccountResponse:
        return accounts_pb2.GetAccountResponse()


async def test_streams_and_calls_go_on_over_the_end_of_connections(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(listening, "CONNECTION_GRACE_MS", 200)
    issuer = Issuer.create(tmp_path)
    (tmp_path / "token").write_text(issuer.token(scopes=["events.read", "accounts.read"]))
    events = allow_missing(_Events)()
    server = await start_server(
        services=[
            Service(events_pb2_grpc.add_EventServiceServicer_to_server, events),
            Service(
                accounts_pb2_grpc.add_AccountServiceServicer_to_server,
                allow_missing(_Accounts)(),
            ),
        ],
        access=ACCESS,
        settings=ServerSettings.model_validate(
            {**jwt_settings(issuer), "max_connection_age_seconds": 1, "drain_grace_seconds": 0.1}
        ),
    )
    credentials = Credentials(token_file=tmp_path / "token")
    get = accounts_pb2.GetAccountRequest(name="workspaces/own/accounts/ada")
    try:
        async with EnrichmentClient(server.address, credentials=credentials) as client:
            messages = subscribe(client.events, events_pb2.SubscribeEventsRequest())
            seen: list[int] = []
            async with aclosing(messages), asyncio.timeout(60):
                async for message in messages:
                    seen.append(int(message.cursor))
                    await client.accounts.GetAccount(get)
                    if len(events.began) > 3:
                        break
        assert seen == list(range(1, len(seen) + 1))
    finally:
        await server.stop()
