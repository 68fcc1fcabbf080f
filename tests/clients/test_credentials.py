"""Clients on services that ask who calls: TLS, certificates, tokens that are renewed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from io import BytesIO
from pathlib import Path
from typing import Any

import grpc
import pytest
from audience.v1 import audiences_pb2, audiences_pb2_grpc
from enrichment.v1 import accounts_pb2, accounts_pb2_grpc, events_pb2, events_pb2_grpc

from audience_service.access import ACCESS as AUDIENCE_ACCESS
from clients.audience import AudienceClient
from clients.credentials import Credentials
from clients.enrichment import EnrichmentClient
from clients.errors import RpcFailed
from clients.imports import import_file
from clients.subscription import subscribe
from enrichment_service.access import ACCESS as ENRICHMENT_ACCESS
from servicekit.callers import current_caller
from servicekit.server import RunningServer, start_server
from servicekit.services import Service
from servicekit.settings import ServerSettings
from tests.support.credentials import Certificates, Issuer, jwt_settings
from tests.support.partial_servicers import allow_missing

GET = accounts_pb2.GetAccountRequest(name="workspaces/own/accounts/ada")


class _Accounts(accounts_pb2_grpc.AccountServiceServicer):
    async def GetAccount(self, request: Any, context: Any) -> accounts_pb2.GetAccountResponse:
        account = accounts_pb2.Account(display_name=current_caller.get().name)
        return accounts_pb2.GetAccountResponse(account=account)


class _Events(events_pb2_grpc.EventServiceServicer):
    async def SubscribeEvents(
        self, request: events_pb2.SubscribeEventsRequest, context: Any
    ) -> AsyncIterator[events_pb2.SubscribeEventsResponse]:
        # One message a stream: the client has to come back for the next.
        yield events_pb2.SubscribeEventsResponse(
            cursor=f"{request.after_cursor}{current_caller.get().name}."
        )


class _Audiences(audiences_pb2_grpc.AudienceServiceServicer):
    async def ImportProspects(
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[audiences_pb2.ImportProspectsResponse]:
        await anext(request_iterator)
        accepted = audiences_pb2.ImportAccepted(next_offset=0)
        yield audiences_pb2.ImportProspectsResponse(accepted=accepted)
        received = b""
        async for request in request_iterator:
            received += request.chunk.data
        receipt = audiences_pb2.ImportReceipt(rows=len(received))
        yield audiences_pb2.ImportProspectsResponse(receipt=receipt)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer.create(tmp_path / "keys")


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates.create(tmp_path / "tls")


@pytest.fixture(params=["tls", "plain"])
async def server(
    request: pytest.FixtureRequest, issuer: Issuer, certificates: Certificates
) -> AsyncIterator[RunningServer]:
    """It wants tokens, with TLS and without."""
    tls = {
        "tls_cert_file": str(certificates.file("server.pem")),
        "tls_key_file": str(certificates.file("server.key")),
    }
    running = await start_server(
        services=[
            Service(
                accounts_pb2_grpc.add_AccountServiceServicer_to_server,
                allow_missing(_Accounts)(),
            ),
            Service(events_pb2_grpc.add_EventServiceServicer_to_server, allow_missing(_Events)()),
            Service(
                audiences_pb2_grpc.add_AudienceServiceServicer_to_server,
                allow_missing(_Audiences)(),
            ),
        ],
        access={**ENRICHMENT_ACCESS, **AUDIENCE_ACCESS},
        settings=ServerSettings.model_validate(
            {
                **jwt_settings(issuer),
                **(tls if request.param == "tls" else {}),
                "drain_grace_seconds": 1,
            }
        ),
    )
    yield running
    await running.stop()


@pytest.fixture
def credentials(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path: Path
) -> Credentials:
    """For that server, with a token file that the test writes."""
    encrypted = "tls" in request.node.callspec.id
    (tmp_path / "token").write_text("none-yet")
    return Credentials(
        ca_file=certificates.file("ca.pem") if encrypted else None,
        token_file=tmp_path / "token",
    )


def _write(credentials: Credentials, token: str) -> None:
    assert credentials.token_file is not None
    credentials.token_file.write_text(f"{token}\n")


async def test_token_is_sent_and_read_again(
    server: RunningServer, credentials: Credentials, issuer: Issuer
) -> None:
    async with EnrichmentClient(server.address, credentials=credentials) as client:
        with pytest.raises(RpcFailed) as caught:
            await client.accounts.GetAccount(GET)
        assert caught.value.reason == "TOKEN_INVALID"
        for name in ("one", "two"):
            _write(credentials, issuer.token(subject=name, scopes=["accounts.read"]))
            answer = await client.accounts.GetAccount(GET)
            assert answer.account.display_name == name
        # What cannot be read any more does not take away what was read.
        for content in ("", "two words"):
            _write(credentials, content)
            assert (await client.accounts.GetAccount(GET)).account.display_name == "two"


async def test_subscription_that_comes_back_brings_the_token_of_then(
    server: RunningServer, credentials: Credentials, issuer: Issuer
) -> None:
    _write(credentials, issuer.token(subject="one", scopes=["events.read"]))
    async with EnrichmentClient(server.address, credentials=credentials) as client:
        messages = subscribe(client.events, events_pb2.SubscribeEventsRequest())
        async with aclosing(messages), asyncio.timeout(20):
            assert (await anext(messages)).cursor == "one."
            _write(credentials, issuer.token(subject="two", scopes=["events.read"]))
            assert (await anext(messages)).cursor == "one.two."


async def test_import_sends_the_token(
    server: RunningServer, credentials: Credentials, issuer: Issuer
) -> None:
    _write(credentials, issuer.token(scopes=["audiences.write"], workspaces=["own"]))
    async with AudienceClient(server.address, credentials=credentials) as client:
        messages = import_file(
            client.audiences, BytesIO(b"x" * 1_000_000), audience="workspaces/own/audiences/a"
        )
        async with aclosing(messages):
            [receipt] = [message async for message in messages]
    assert isinstance(receipt, audiences_pb2.ImportReceipt)
    assert receipt.rows == 1_000_000


@pytest.mark.parametrize("address", ["192.0.2.1:50051", "example.org:50051", "dns:///x:1"])
async def test_token_never_leaves_this_machine_in_plain_text(tmp_path: Path, address: str) -> None:
    (tmp_path / "token").write_text("secret")
    with pytest.raises(ValueError, match="plain text"):
        EnrichmentClient(address, credentials=Credentials(token_file=tmp_path / "token"))


async def test_unknown_server_is_not_talked_to(
    certificates: Certificates, issuer: Issuer, tmp_path: Path
) -> None:
    other = Certificates.create(tmp_path / "other")
    settings = ServerSettings(
        tls_cert_file=other.file("server.pem"), tls_key_file=other.file("server.key")
    )
    server = await start_server(services=[], access={}, settings=settings)
    (tmp_path / "token").write_text("secret")
    known = Credentials(ca_file=certificates.file("ca.pem"), token_file=tmp_path / "token")
    try:
        async with EnrichmentClient(server.address, credentials=known, timeout=1) as client:
            with pytest.raises(RpcFailed) as caught:
                await client.accounts.GetAccount(GET)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    finally:
        await server.stop()


@pytest.mark.parametrize(
    "names", [["cert_file"], ["key_file", "ca_file"], ["cert_file", "key_file"]]
)
def test_files_that_need_another_one(names: list[str]) -> None:
    with pytest.raises(ValueError, match="needs"):
        Credentials(**dict.fromkeys(names, Path("some.pem")))
