"""ViewBudgetService."""

from typing import Any

import grpc
from enrichment.v1 import view_budgets_pb2, view_budgets_pb2_grpc

from enrichment_service import convert
from enrichment_service.ticks import Wake
from enrichment_service.view_budgets import ViewBudgets
from servicekit.errors import invalid_argument

Context = grpc.aio.ServicerContext[Any, Any]


class ViewBudgetServicer(view_budgets_pb2_grpc.ViewBudgetServiceServicer):
    """The shared view budget over gRPC."""

    def __init__(self, *, view_budgets: ViewBudgets, wake: Wake) -> None:
        """`wake` tells the tick engine that views may have come back."""
        self._view_budgets = view_budgets
        self._wake = wake

    async def GetViewBudget(
        self, request: view_budgets_pb2.GetViewBudgetRequest, context: Context
    ) -> view_budgets_pb2.GetViewBudgetResponse:
        workspace, account = convert.VIEW_BUDGET.parse(request.name)
        (budget,) = await self._view_budgets.get(workspace, [f"{workspace}/{account}"])
        return view_budgets_pb2.GetViewBudgetResponse(view_budget=convert.to_proto_budget(budget))

    async def BatchGetViewBudgets(
        self, request: view_budgets_pb2.BatchGetViewBudgetsRequest, context: Context
    ) -> view_budgets_pb2.BatchGetViewBudgetsResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        accounts: list[str] = []
        for index, name in enumerate(request.names):
            owner, account = convert.VIEW_BUDGET.parse(name, field=f"names[{index}]")
            if owner != workspace:
                raise invalid_argument(f"names[{index}]", f"must be in {request.parent}")
            accounts.append(f"{owner}/{account}")
        budgets = await self._view_budgets.get(workspace, accounts)
        return view_budgets_pb2.BatchGetViewBudgetsResponse(
            view_budgets=[convert.to_proto_budget(budget) for budget in budgets]
        )

    async def ReserveViews(
        self, request: view_budgets_pb2.ReserveViewsRequest, context: Context
    ) -> view_budgets_pb2.ReserveViewsResponse:
        account = _account(request.account)
        grant = await self._view_budgets.reserve(
            account,
            purpose=convert.purpose_of(request.purpose),
            count=request.count,
            ttl_ms=request.ttl.ToMilliseconds() if request.HasField("ttl") else None,
            allow_partial=request.allow_partial,
            validate_only=request.validate_only,
            request_id=request.request_id or None,
            body=convert.request_body(request),
        )
        reservation = view_budgets_pb2.ViewReservation(
            purpose=request.purpose,
            count=grant.count,
            use_before_time=convert.to_proto_time(grant.use_before_ms),
            expire_time=convert.to_proto_time(grant.expires_ms),
        )
        if grant.reservation:
            reservation.name = convert.RESERVATION.format(*account.split("/"), grant.reservation)
        return view_budgets_pb2.ReserveViewsResponse(
            view_reservation=reservation, view_budget=convert.to_proto_budget(grant.budget)
        )

    async def CommitViews(
        self, request: view_budgets_pb2.CommitViewsRequest, context: Context
    ) -> view_budgets_pb2.CommitViewsResponse:
        workspace, account, reservation = convert.RESERVATION.parse(request.name)
        charged, budget = await self._view_budgets.settle(
            f"{workspace}/{account}", reservation, used=request.used
        )
        self._wake()
        return view_budgets_pb2.CommitViewsResponse(
            charged=charged, view_budget=convert.to_proto_budget(budget)
        )

    async def ReleaseViews(
        self, request: view_budgets_pb2.ReleaseViewsRequest, context: Context
    ) -> view_budgets_pb2.ReleaseViewsResponse:
        workspace, account, reservation = convert.RESERVATION.parse(request.name)
        _, budget = await self._view_budgets.settle(
            f"{workspace}/{account}", reservation, used=None
        )
        self._wake()
        return view_budgets_pb2.ReleaseViewsResponse(view_budget=convert.to_proto_budget(budget))

    async def ConsumeViews(
        self, request: view_budgets_pb2.ConsumeViewsRequest, context: Context
    ) -> view_budgets_pb2.ConsumeViewsResponse:
        grant = await self._view_budgets.consume(
            _account(request.account),
            purpose=convert.purpose_of(request.purpose),
            count=request.count,
            allow_partial=request.allow_partial,
            validate_only=request.validate_only,
            request_id=request.request_id or None,
            body=convert.request_body(request) if request.request_id else "",
        )
        return view_budgets_pb2.ConsumeViewsResponse(
            consumed=grant.count,
            use_before_time=convert.to_proto_time(grant.use_before_ms),
            view_budget=convert.to_proto_budget(grant.budget),
        )


def _account(name: str) -> str:
    return "/".join(convert.ACCOUNT.parse(name, field="account"))
