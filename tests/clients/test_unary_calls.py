"""Unary calls: a deadline each, repeated on UNAVAILABLE only, failures with all their details."""

import asyncio
import time
from datetime import timedelta

import grpc
import pytest
from enrichment.v1 import accounts_pb2, view_budgets_pb2
from google.rpc import error_details_pb2

from clients.channel import open_channel
from clients.enrichment import EnrichmentClient
from clients.errors import FieldViolation, RpcFailed
from tests.clients.real_server import error_info, rich_status, serving, unary

GET = accounts_pb2.GetAccountRequest(name="workspaces/w/accounts/a")
GetContext = grpc.aio.ServicerContext[
    accounts_pb2.GetAccountRequest, accounts_pb2.GetAccountResponse
]
ConsumeContext = grpc.aio.ServicerContext[
    view_budgets_pb2.ConsumeViewsRequest, view_budgets_pb2.ConsumeViewsResponse
]
DeleteContext = grpc.aio.ServicerContext[
    accounts_pb2.DeleteAccountRequest, accounts_pb2.DeleteAccountResponse
]


class Accounts:
    """Fails with the codes it is given, one a call, then answers."""

    def __init__(self, *failures: grpc.StatusCode) -> None:
        self.failures = list(failures)
        self.request_ids: list[str] = []
        self.calls = 0

    async def get(
        self, request: accounts_pb2.GetAccountRequest, context: GetContext
    ) -> accounts_pb2.GetAccountResponse:
        await self._fail(context)
        return accounts_pb2.GetAccountResponse(account=accounts_pb2.Account(name=request.name))

    async def delete(
        self, _: accounts_pb2.DeleteAccountRequest, context: DeleteContext
    ) -> accounts_pb2.DeleteAccountResponse:
        await self._fail(context)
        return accounts_pb2.DeleteAccountResponse()

    async def consume(
        self, request: view_budgets_pb2.ConsumeViewsRequest, context: ConsumeContext
    ) -> view_budgets_pb2.ConsumeViewsResponse:
        self.request_ids.append(request.request_id)
        await self._fail(context)
        return view_budgets_pb2.ConsumeViewsResponse(consumed=request.count)

    async def _fail(self, context: GetContext | DeleteContext | ConsumeContext) -> None:
        self.calls += 1
        if self.failures:
            await context.abort(self.failures.pop(0), "as the test wants it")

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        accounts, budgets = "enrichment.v1.AccountService", "enrichment.v1.ViewBudgetService"
        return [
            unary(
                f"{accounts}/GetAccount",
                self.get,
                request=accounts_pb2.GetAccountRequest,
                response=accounts_pb2.GetAccountResponse,
            ),
            unary(
                f"{accounts}/DeleteAccount",
                self.delete,
                request=accounts_pb2.DeleteAccountRequest,
                response=accounts_pb2.DeleteAccountResponse,
            ),
            unary(
                f"{budgets}/ConsumeViews",
                self.consume,
                request=view_budgets_pb2.ConsumeViewsRequest,
                response=view_budgets_pb2.ConsumeViewsResponse,
            ),
        ]


async def test_a_read_is_repeated_until_the_service_is_there_again() -> None:
    accounts = Accounts(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE)
    async with serving(*accounts.handlers()) as server, EnrichmentClient(server.address) as client:
        answer = await client.accounts.GetAccount(GET)
    assert answer.account.name == GET.name
    assert accounts.calls == 3


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.UNKNOWN,
    ],
)
async def test_nothing_but_unavailable_is_repeated(code: grpc.StatusCode) -> None:
    accounts = Accounts(code)
    async with serving(*accounts.handlers()) as server, EnrichmentClient(server.address) as client:
        with pytest.raises(RpcFailed) as failed:
            await client.accounts.GetAccount(GET)
    assert failed.value.code() is code
    assert accounts.calls == 1


async def test_a_call_whose_repeat_would_do_harm_is_not_repeated() -> None:
    accounts = Accounts(grpc.StatusCode.UNAVAILABLE)
    async with serving(*accounts.handlers()) as server, EnrichmentClient(server.address) as client:
        with pytest.raises(RpcFailed):
            await client.accounts.DeleteAccount(accounts_pb2.DeleteAccountRequest(name=GET.name))
    assert accounts.calls == 1


async def test_a_repeated_consume_is_the_same_call() -> None:
    accounts = Accounts(grpc.StatusCode.UNAVAILABLE)
    request = view_budgets_pb2.ConsumeViewsRequest(account=GET.name, count=2)
    async with serving(*accounts.handlers()) as server, EnrichmentClient(server.address) as client:
        await client.view_budgets.ConsumeViews(request)
        await client.view_budgets.ConsumeViews(request)
    first, repeat, second = accounts.request_ids
    assert first == repeat
    assert first
    assert second not in ("", first), "another call of the caller is not a repeat"
    assert request.request_id == "", "the caller's message stays as it was"


async def test_the_callers_own_request_id_is_kept() -> None:
    accounts = Accounts()
    request = view_budgets_pb2.ConsumeViewsRequest(account=GET.name, count=1, request_id="mine")
    async with serving(*accounts.handlers()) as server, EnrichmentClient(server.address) as client:
        await client.view_budgets.ConsumeViews(request)
    assert accounts.request_ids == ["mine"]


async def test_tries_end_with_the_deadline() -> None:
    async with serving() as server:
        address = server.address
    async with EnrichmentClient(address) as client:
        before = time.monotonic()
        with pytest.raises(RpcFailed) as failed:
            await client.accounts.GetAccount(GET, timeout=0.6)
        assert time.monotonic() - before < 1.5
    assert failed.value.code() in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    )
    assert failed.value.reason == ""


async def test_every_call_has_a_deadline() -> None:
    cancelled = asyncio.Event()

    async def hang(
        _: accounts_pb2.GetAccountRequest, context: GetContext
    ) -> accounts_pb2.GetAccountResponse:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return accounts_pb2.GetAccountResponse()

    handler = unary(
        "enrichment.v1.AccountService/GetAccount",
        hang,
        request=accounts_pb2.GetAccountRequest,
        response=accounts_pb2.GetAccountResponse,
    )
    async with serving(handler) as server, EnrichmentClient(server.address, timeout=0.3) as client:
        with pytest.raises(RpcFailed) as failed:
            await client.accounts.GetAccount(GET)
        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(cancelled.wait(), 5)


async def test_an_abandoned_call_is_cancelled_at_the_server() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(
        _: accounts_pb2.GetAccountRequest, context: GetContext
    ) -> accounts_pb2.GetAccountResponse:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return accounts_pb2.GetAccountResponse()

    handler = unary(
        "enrichment.v1.AccountService/GetAccount",
        hang,
        request=accounts_pb2.GetAccountRequest,
        response=accounts_pb2.GetAccountResponse,
    )
    async with serving(handler) as server, EnrichmentClient(server.address) as client:
        task = asyncio.ensure_future(client.accounts.GetAccount(GET))
        await asyncio.wait_for(begun.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(cancelled.wait(), 5)


async def test_a_failure_carries_reason_fields_and_pause() -> None:
    async def refuse(
        _: accounts_pb2.GetAccountRequest, context: GetContext
    ) -> accounts_pb2.GetAccountResponse:
        bad_request = error_details_pb2.BadRequest()
        bad_request.field_violations.add(field="account.strategy", description="is required")
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromSeconds(90)
        code, message, trailers = rich_status(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "Wait until 00:00 UTC.",
            [error_info("VIEW_BUDGET_EXHAUSTED"), bad_request, retry],
        )
        await context.abort(code, message, trailers)

    handler = unary(
        "enrichment.v1.AccountService/GetAccount",
        refuse,
        request=accounts_pb2.GetAccountRequest,
        response=accounts_pb2.GetAccountResponse,
    )
    async with serving(handler) as server, EnrichmentClient(server.address) as client:
        with pytest.raises(RpcFailed) as caught:
            await client.accounts.GetAccount(GET)
    failed = caught.value
    assert failed.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert failed.reason == "VIEW_BUDGET_EXHAUSTED"
    assert failed.domain == "enrichment.v1"
    assert failed.metadata == {"limit": "10"}
    assert failed.field_violations == (
        FieldViolation(field="account.strategy", description="is required"),
    )
    assert failed.retry_after == timedelta(seconds=90)
    assert str(failed) == "RESOURCE_EXHAUSTED VIEW_BUDGET_EXHAUSTED: Wait until 00:00 UTC."


async def test_details_that_cannot_be_read_leave_code_and_message() -> None:
    async def refuse(
        _: accounts_pb2.GetAccountRequest, context: GetContext
    ) -> accounts_pb2.GetAccountResponse:
        trailers = (("grpc-status-details-bin", b"\xff\xff\xff"),)
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone", trailers)

    handler = unary(
        "enrichment.v1.AccountService/GetAccount",
        refuse,
        request=accounts_pb2.GetAccountRequest,
        response=accounts_pb2.GetAccountResponse,
    )
    async with serving(handler) as server, EnrichmentClient(server.address) as client:
        with pytest.raises(RpcFailed) as caught:
            await client.accounts.GetAccount(GET)
    assert (caught.value.reason, caught.value.message) == ("", "gone")


async def test_a_channel_can_be_shared() -> None:
    accounts = Accounts()
    async with serving(*accounts.handlers()) as server:
        channel = open_channel(server.address)
        async with EnrichmentClient(channel) as client:
            await client.accounts.GetAccount(GET)
        await EnrichmentClient(channel).accounts.GetAccount(GET)
        await channel.close()
    assert accounts.calls == 2
