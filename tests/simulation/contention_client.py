"""A client of its own: `python -m tests.simulation.contention_client`.

A line on stdin tells what to do, {"address", "demand": {account: views}}; a line on stdout what
came of it, {account: views granted}. It asks for one view after the other, by turns at once and by
a reservation that is committed.
"""

import asyncio
import json
import sys

import grpc
from enrichment.v1 import view_budgets_pb2 as pb

from clients.enrichment import EnrichmentClient
from clients.errors import RpcFailed

_STEP = pb.VIEW_PURPOSE_CAMPAIGN_STEP


async def ask(client: EnrichmentClient, account: str, demand: int) -> int:
    """Views that were certainly granted."""
    granted = 0
    for number in range(demand):
        try:
            granted += await (_reserve if number % 2 else _consume)(client, account)
        except RpcFailed as failed:
            if failed.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                break
            # Nobody knows; the view is not made.
            if failed.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
    return granted


async def _consume(client: EnrichmentClient, account: str) -> int:
    request = pb.ConsumeViewsRequest(account=account, purpose=_STEP, count=1)
    return (await client.view_budgets.ConsumeViews(request)).consumed


async def _reserve(client: EnrichmentClient, account: str) -> int:
    reserved = await client.view_budgets.ReserveViews(
        pb.ReserveViewsRequest(account=account, purpose=_STEP, count=1)
    )
    name = reserved.view_reservation.name
    return (await client.view_budgets.CommitViews(pb.CommitViewsRequest(name=name, used=1))).charged


async def main() -> None:
    """Until stdin ends."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        async with EnrichmentClient(order["address"], timeout=30) as client:
            granted = {
                account: await ask(client, account, demand)
                for account, demand in order["demand"].items()
            }
        sys.stdout.write(json.dumps(granted) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
