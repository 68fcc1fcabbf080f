"""AccountService."""

from typing import Any

import grpc
from enrichment.v1 import accounts_pb2, accounts_pb2_grpc

from enrichment_service import convert
from enrichment_service.accounts import Accounts, check_settings
from enrichment_service.ticks import Wake
from servicekit.errors import invalid_argument
from servicekit.names import random_id
from servicekit.pages import decode_page_token, encode_page_token, page_size

Context = grpc.aio.ServicerContext[Any, Any]

_CHANGEABLE = {
    "display_name",
    "strategy",
    "ramp_start_date",
    "campaign_share",
    "pacing",
    "working_hours",
}


class AccountServicer(accounts_pb2_grpc.AccountServiceServicer):
    """Connected accounts over gRPC."""

    def __init__(self, *, accounts: Accounts, wake: Wake) -> None:
        """`wake` tells the tick engine that an account may be due."""
        self._accounts = accounts
        self._wake = wake

    async def ConnectAccount(
        self, request: accounts_pb2.ConnectAccountRequest, context: Context
    ) -> accounts_pb2.ConnectAccountResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        settings = convert.from_proto_settings(request.account, only=None)
        check_settings(settings)
        account = await self._accounts.connect(
            f"{workspace}/{request.account_id or random_id()}",
            provider_account_id=request.account.provider_account_id,
            settings=settings,
            request_id=request.request_id or None,
            body=convert.request_body(request),
        )
        return accounts_pb2.ConnectAccountResponse(account=convert.to_proto_account(account))

    async def GetAccount(
        self, request: accounts_pb2.GetAccountRequest, context: Context
    ) -> accounts_pb2.GetAccountResponse:
        account = await self._accounts.get(_id(request.name))
        return accounts_pb2.GetAccountResponse(account=convert.to_proto_account(account))

    async def ListAccounts(
        self, request: accounts_pb2.ListAccountsRequest, context: Context
    ) -> accounts_pb2.ListAccountsResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        filters = {"list": "accounts", "parent": request.parent}
        position = decode_page_token(request.page_token, filters=filters, shape={"after": str})
        size = page_size(request.page_size)
        page = await self._accounts.page(
            workspace, after=str(position["after"]) if position else "", limit=size + 1
        )
        response = accounts_pb2.ListAccountsResponse(
            accounts=[convert.to_proto_account(account) for account in page[:size]]
        )
        if len(page) > size:
            last = page[size - 1].id.partition("/")[2]
            response.next_page_token = encode_page_token({"after": last}, filters=filters)
        return response

    async def UpdateAccount(
        self, request: accounts_pb2.UpdateAccountRequest, context: Context
    ) -> accounts_pb2.UpdateAccountResponse:
        account_id = _id(request.account.name, field="account.name")
        only = set(request.update_mask.paths) or {
            field.name for field, _ in request.account.ListFields() if field.name in _CHANGEABLE
        }
        if only == {"*"}:
            only = set(_CHANGEABLE)
        if unknown := sorted(only - _CHANGEABLE):
            raise invalid_argument(
                "update_mask",
                f"{', '.join(unknown)} cannot be changed; {', '.join(sorted(_CHANGEABLE))} can",
            )
        settings = convert.from_proto_settings(request.account, only=only)
        if "strategy" in only and settings.strategy is None:
            raise invalid_argument("account.strategy", "must be set when update_mask names it")
        if "working_hours" in only and settings.working_hours is None:
            raise invalid_argument(
                "account.working_hours",
                "must be set when update_mask names it; PACING_BURST does without them",
            )
        account = await self._accounts.update(
            account_id, settings=settings, revision=request.account.etag or None
        )
        self._wake()
        return accounts_pb2.UpdateAccountResponse(account=convert.to_proto_account(account))

    async def DisconnectAccount(
        self, request: accounts_pb2.DisconnectAccountRequest, context: Context
    ) -> accounts_pb2.DisconnectAccountResponse:
        account = await self._accounts.set_connection(_id(request.name), connected=False)
        return accounts_pb2.DisconnectAccountResponse(account=convert.to_proto_account(account))

    async def ReconnectAccount(
        self, request: accounts_pb2.ReconnectAccountRequest, context: Context
    ) -> accounts_pb2.ReconnectAccountResponse:
        account = await self._accounts.set_connection(_id(request.name), connected=True)
        self._wake()
        return accounts_pb2.ReconnectAccountResponse(account=convert.to_proto_account(account))

    async def DeleteAccount(
        self, request: accounts_pb2.DeleteAccountRequest, context: Context
    ) -> accounts_pb2.DeleteAccountResponse:
        await self._accounts.delete(_id(request.name), revision=request.etag or None)
        return accounts_pb2.DeleteAccountResponse()


def _id(name: str, *, field: str = "name") -> str:
    return "/".join(convert.ACCOUNT.parse(name, field=field))
