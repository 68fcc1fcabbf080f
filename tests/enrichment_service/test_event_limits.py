"""One caller cannot take all subscriptions."""

from contextlib import aclosing

import grpc
import pytest
from enrichment.v1 import events_pb2

from clients.errors import RpcFailed
from enrichment_service.servicers.events import subscription_limit
from enrichment_service.store.store import Store
from servicekit.errors import ServiceError
from tests.enrichment_service.event_service import next_of, reason_of, serving


async def test_the_subscription_after_the_last_is_told_when_to_come_back(
    store: Store, valkey_url: str
) -> None:
    async with serving(store, valkey_url, subscriptions=1) as client:
        async with aclosing(client.follow()) as stream:
            await next_of(stream, "opened")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.all()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert reason_of(caught.value) == "TOO_MANY_SUBSCRIPTIONS"
        retry_after = RpcFailed(caught.value).retry_after
        assert retry_after
        assert retry_after.total_seconds() > 0
        # Reading pages is no subscription; and once the first has ended, there is room.
        await client.stub.ListEvents(events_pb2.ListEventsRequest())
        while (await client.stub.GetEventLog(events_pb2.GetEventLogRequest())).subscriber_count:
            pass
        assert await client.all()


def test_callers_are_counted_one_by_one() -> None:
    limit = subscription_limit(1)
    with limit.taken("a"), limit.taken("b"), pytest.raises(ServiceError), limit.taken("a"):
        raise AssertionError("not refused")
    with limit.taken("a"):
        pass
