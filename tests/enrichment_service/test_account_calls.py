"""Accounts and their budgets, as a caller over gRPC sees them: what is refused, and how."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass

import grpc
import pytest
from enrichment.v1 import accounts_pb2, enrichments_pb2, view_budgets_pb2
from enrichment.v1.accounts_pb2_grpc import (
    AccountServiceStub,
    add_AccountServiceServicer_to_server,
)
from enrichment.v1.view_budgets_pb2_grpc import (
    ViewBudgetServiceStub,
    add_ViewBudgetServiceServicer_to_server,
)
from google.protobuf.field_mask_pb2 import FieldMask

from enrichment_service.access import ACCESS
from enrichment_service.accounts import Accounts
from enrichment_service.servicers.accounts import AccountServicer
from enrichment_service.servicers.view_budgets import ViewBudgetServicer
from enrichment_service.view_budgets import ViewBudgets
from servicekit.server import start_server
from servicekit.services import Service
from servicekit.settings import ServerSettings
from tests.enrichment_service.enrichment_calls import PARENT, calling, reason_of
from tests.enrichment_service.outcome_stack import OutcomeStack

ACCOUNT = f"{PARENT}/accounts/vera"
NOBODY = f"{PARENT}/accounts/nobody"
PURPOSE = view_budgets_pb2.VIEW_PURPOSE_MANUAL


@dataclass(frozen=True)
class Calls:
    accounts: AccountServiceStub
    budgets: ViewBudgetServiceStub


@pytest.fixture
async def calls(stack: OutcomeStack) -> AsyncIterator[Calls]:
    server = await start_server(
        services=[
            Service(
                add_AccountServiceServicer_to_server,
                AccountServicer(accounts=Accounts(stack.store), wake=stack.engine.wake),
            ),
            Service(
                add_ViewBudgetServiceServicer_to_server,
                ViewBudgetServicer(view_budgets=ViewBudgets(stack.store), wake=stack.engine.wake),
            ),
        ],
        access=ACCESS,
        settings=ServerSettings(drain_grace_seconds=2),
    )
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            yield Calls(AccountServiceStub(channel), ViewBudgetServiceStub(channel))
    finally:
        await server.stop()


def hours(time_zone: str) -> accounts_pb2.WorkingHours:
    return accounts_pb2.WorkingHours(time_zone=time_zone, start_minute=540, end_minute=1020)


async def connect(
    calls: Calls, provider_id: str, working_hours: accounts_pb2.WorkingHours | None = None
) -> None:
    await calls.accounts.ConnectAccount(
        accounts_pb2.ConnectAccountRequest(
            parent=PARENT,
            account_id="vera",
            account=accounts_pb2.Account(
                provider_account_id=f"{provider_id}-vera",
                strategy=accounts_pb2.ACCOUNT_STRATEGY_VETERAN,
                working_hours=working_hours,
            ),
        )
    )


async def update(calls: Calls, account: accounts_pb2.Account, *mask: str) -> None:
    account.name = ACCOUNT
    await calls.accounts.UpdateAccount(
        accounts_pb2.UpdateAccountRequest(account=account, update_mask=FieldMask(paths=mask))
    )


async def refused(call: Awaitable[object], code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code
    return caught.value


@pytest.mark.parametrize("time_zone", ["Mars/Olympus", "Europe", "../../etc/passwd"])
async def test_a_time_zone_that_is_none_is_refused_at_connecting_and_updating(
    calls: Calls, provider_id: str, time_zone: str
) -> None:
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    error = await refused(connect(calls, provider_id, hours(time_zone)), invalid)
    assert "account.working_hours.time_zone" in str(error.details())
    await connect(calls, provider_id)
    error = await refused(
        update(calls, accounts_pb2.Account(working_hours=hours(time_zone))), invalid
    )
    assert "account.working_hours.time_zone" in str(error.details())


async def test_a_mask_that_names_working_hours_wants_them(calls: Calls, provider_id: str) -> None:
    await connect(calls, provider_id, hours("Europe/Berlin"))
    error = await refused(
        update(calls, accounts_pb2.Account(), "working_hours"), grpc.StatusCode.INVALID_ARGUMENT
    )
    assert "account.working_hours" in str(error.details())


async def test_a_star_names_every_field(calls: Calls, provider_id: str) -> None:
    await connect(calls, provider_id)
    given = accounts_pb2.Account(
        strategy=accounts_pb2.ACCOUNT_STRATEGY_NEW,
        working_hours=hours("Europe/Berlin"),
        campaign_share=3,
    )
    await update(calls, given, "*")
    found = await calls.accounts.GetAccount(accounts_pb2.GetAccountRequest(name=ACCOUNT))
    assert (found.account.strategy, found.account.campaign_share) == (given.strategy, 3)
    assert found.account.working_hours.time_zone == "Europe/Berlin"
    given.ClearField("strategy")
    error = await refused(update(calls, given, "*"), grpc.StatusCode.INVALID_ARGUMENT)
    assert "account.strategy" in str(error.details())


async def test_a_field_that_cannot_change_is_named_with_those_that_can(
    calls: Calls, provider_id: str
) -> None:
    await connect(calls, provider_id)
    error = await refused(
        update(calls, accounts_pb2.Account(), "provider_account_id"),
        grpc.StatusCode.INVALID_ARGUMENT,
    )
    assert "provider_account_id cannot be changed; campaign_share, display_name" in str(
        error.details()
    )


async def test_a_request_id_of_another_method_is_refused(calls: Calls, provider_id: str) -> None:
    await connect(calls, provider_id)
    consume = view_budgets_pb2.ConsumeViewsRequest(
        account=ACCOUNT, purpose=PURPOSE, count=1, request_id="step-17"
    )
    reserve = view_budgets_pb2.ReserveViewsRequest(
        account=ACCOUNT, purpose=PURPOSE, count=1, request_id="step-17"
    )
    await calls.budgets.ConsumeViews(consume)
    error = await refused(calls.budgets.ReserveViews(reserve), grpc.StatusCode.FAILED_PRECONDITION)
    assert reason_of(error) == "REQUEST_ID_REUSED"


async def test_whatever_misses_its_account_names_the_account(
    calls: Calls, stack: OutcomeStack, provider_id: str
) -> None:
    await connect(calls, provider_id)
    missing = f"There is no account {NOBODY}."
    commit = view_budgets_pb2.CommitViewsRequest(name=f"{NOBODY}/viewReservations/abcdefgh", used=1)
    error = await refused(calls.budgets.CommitViews(commit), grpc.StatusCode.NOT_FOUND)
    assert str(error.details()).startswith(missing)
    batch = view_budgets_pb2.BatchGetViewBudgetsRequest(
        parent=PARENT, names=[f"{ACCOUNT}/viewBudget", f"{NOBODY}/viewBudget"]
    )
    error = await refused(calls.budgets.BatchGetViewBudgets(batch), grpc.StatusCode.NOT_FOUND)
    assert str(error.details()).startswith(missing)
    async with calling(stack) as enrichments:
        create = enrichments_pb2.CreateEnrichmentRequest(
            parent=PARENT, enrichment=enrichments_pb2.Enrichment(account=NOBODY)
        )
        error = await refused(enrichments.stub.CreateEnrichment(create), grpc.StatusCode.NOT_FOUND)
    assert str(error.details()).startswith(missing)
