"""What every call gets: validation, rich errors, a request id, a deadline."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from servicekit import errors
from servicekit.settings import ServerSettings
from tests.servicekit.probing import Probe, Start, failure_of

SECRET = "Ada Lovelace, https://www.linkedin.com/in/ada-lovelace"


async def boom(_request: Any, _context: Any) -> Any:
    raise RuntimeError(SECRET)


async def boom_in_generator(_request: Any, _context: Any) -> AsyncIterator[Any]:
    if SECRET:
        raise RuntimeError(SECRET)
    yield None


async def boom_after_reading(requests: AsyncIterator[Any], _context: Any) -> Any:
    async for _ in requests:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize("style", ["Ask", "Listen", "Listen generator", "Collect", "Talk"])
async def test_text_of_an_unexpected_error_never_leaves(
    probe: Probe, start: Start, style: str
) -> None:
    listen = boom_in_generator if style == "Listen generator" else boom
    client = await start(
        Ask=boom, Listen=listen, Collect=boom_after_reading, Talk=boom_after_reading
    )
    method = style.split()[0]
    request = getattr(probe.messages, f"{method}Request")(text="x")
    call = getattr(client.stub, method)
    failure = await failure_of(call(iter([request]) if method in ("Collect", "Talk") else request))
    assert failure.code is grpc.StatusCode.INTERNAL
    assert failure.info.reason == "INTERNAL_ERROR"
    assert failure.info.metadata["error_id"] in failure.message
    assert "Ada" not in f"{failure}"
    assert "RuntimeError" not in f"{failure}"


async def test_answer_that_cannot_be_sent_is_an_internal_error(probe: Probe, start: Start) -> None:
    async def wrong_type(_request: Any, _context: Any) -> str:
        return SECRET

    client = await start(Ask=wrong_type)
    failure = await failure_of(client.stub.Ask(probe.messages.AskRequest()))
    assert failure.code is grpc.StatusCode.INTERNAL
    assert "Ada" not in f"{failure}"


async def test_service_error_arrives_with_all_details(probe: Probe, start: Start) -> None:
    async def refuse(_request: Any, _context: Any) -> Any:
        raise errors.resource_exhausted(
            "VIEW_BUDGET_EXHAUSTED",
            "No views are left today. Try again after 00:00 UTC.",
            quota=[errors.QuotaViolation(subject="workspaces/w/accounts/a", description="views")],
            retry_after_ms=1_500,
            metadata={"available": "0"},
        )

    client = await start(Ask=refuse)
    failure = await failure_of(client.stub.Ask(probe.messages.AskRequest()))
    assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert failure.message == "No views are left today. Try again after 00:00 UTC."
    assert (failure.info.reason, failure.info.domain) == ("VIEW_BUDGET_EXHAUSTED", "probe.v1")
    assert dict(failure.info.metadata) == {"available": "0"}
    assert failure.retry_after_ms == 1_500
    assert failure.quota_subjects == ["workspaces/w/accounts/a"]


async def test_invalid_request_names_each_field(probe: Probe, start: Start) -> None:
    m = probe.messages
    client = await start(Ask=boom)
    entries = [m.Entry(identifier="a"), m.Entry(), m.Entry(identifier="b"), m.Entry()]
    request = m.AskRequest(count=-1, entries=entries, by_key={"ada": m.Entry()})
    failure = await failure_of(client.stub.Ask(request))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.info.reason == "FIELDS_INVALID"
    assert set(failure.fields) == {
        "count",
        "entries[1].identifier",
        "entries[3].identifier",
        "by_key[...].identifier",
    }
    assert all(field in failure.message for field in failure.fields)


async def test_hundreds_of_violations_still_reach_the_caller(probe: Probe, start: Start) -> None:
    m = probe.messages
    client = await start(Ask=boom)
    request = m.AskRequest(entries=[m.Entry() for _ in range(500)])
    failure = await failure_of(client.stub.Ask(request))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "and 495 more" in failure.message
    assert "entries[0].identifier" in failure.fields


async def collect(requests: AsyncIterator[Any], context: Any) -> Any:
    count = 0
    async for _ in requests:
        count += 1
    return count


async def talk(_requests: Any, context: Any) -> None:
    while await context.read() is not grpc.aio.EOF:
        pass


@pytest.mark.parametrize("method", ["Collect", "Talk"])
async def test_every_message_of_a_request_stream_is_checked(
    probe: Probe, start: Start, method: str
) -> None:
    client = await start(Collect=collect, Talk=talk)
    message = getattr(probe.messages, f"{method}Request")
    requests = [message(text="good"), message(text="")]
    failure = await failure_of(getattr(client.stub, method)(iter(requests)))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert set(failure.fields) == {"text"}


async def test_bytes_that_are_no_message_are_refused(start: Start) -> None:
    client = await start(Ask=boom)
    call: Any = client.channel.unary_unary("/probe.v1.ProbeService/Ask")
    failure = await failure_of(call(b"\xff\xff\xff"))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.info.reason == "REQUEST_MALFORMED"


async def echo(request: Any, _context: Any) -> Any:
    return type(request)(text=request.text)


@pytest.mark.parametrize(
    ("sent", "kept"), [("req-1.A_b", True), ("spaces in it", False), ("x" * 65, False)]
)
async def test_request_id_is_returned(probe: Probe, start: Start, sent: str, kept: bool) -> None:
    client = await start(Ask=echo)
    call = client.stub.Ask(probe.messages.AskRequest(), metadata=(("x-request-id", sent),))
    await call
    returned = dict(await call.trailing_metadata())["x-request-id"]
    assert (returned == sent) is kept
    assert returned


async def test_request_id_is_returned_with_failures_and_at_the_start_of_streams(
    probe: Probe, start: Start
) -> None:
    opened = asyncio.Event()

    async def listen(_request: Any, _context: Any) -> None:
        await opened.wait()

    client = await start(Ask=boom, Listen=listen)
    metadata = (("x-request-id", "abc"),)
    failure = await failure_of(client.stub.Ask(probe.messages.AskRequest(), metadata=metadata))
    assert failure.metadata["x-request-id"] == "abc"
    stream = client.stub.Listen(probe.messages.ListenRequest(text="x"), metadata=metadata)
    assert dict(await stream.initial_metadata())["x-request-id"] == "abc"
    opened.set()
    assert [message async for message in stream] == []


async def hang(_request: Any, _context: Any) -> Any:
    await asyncio.Event().wait()


async def test_call_without_a_deadline_gets_the_default(probe: Probe, start: Start) -> None:
    client = await start(settings=ServerSettings(default_deadline_seconds=0.05), Ask=hang)
    failure = await failure_of(client.stub.Ask(probe.messages.AskRequest()))
    assert failure.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert failure.info.reason == "DEFAULT_DEADLINE_EXCEEDED"


async def test_deadline_of_the_caller_replaces_the_default(probe: Probe, start: Start) -> None:
    release = asyncio.Event()

    async def wait(request: Any, _context: Any) -> Any:
        asyncio.get_running_loop().call_later(0.1, release.set)
        await release.wait()
        return probe.messages.AskResponse(text="late")

    client = await start(settings=ServerSettings(default_deadline_seconds=0.01), Ask=wait)
    answer = await client.stub.Ask(probe.messages.AskRequest(), timeout=20)
    assert answer.text == "late"


async def test_timeout_inside_a_method_is_not_the_deadline(probe: Probe, start: Start) -> None:
    async def times_out(_request: Any, _context: Any) -> Any:
        raise TimeoutError(SECRET)

    client = await start(Ask=times_out)
    failure = await failure_of(client.stub.Ask(probe.messages.AskRequest()))
    assert failure.code is grpc.StatusCode.INTERNAL


async def test_generator_is_closed_when_the_caller_goes(probe: Probe, start: Start) -> None:
    closed = asyncio.Event()

    async def listen(_request: Any, _context: Any) -> AsyncIterator[Any]:
        try:
            yield probe.messages.ListenResponse(text="first")
            await asyncio.Event().wait()
        finally:
            closed.set()

    client = await start(Listen=listen)
    stream = client.stub.Listen(probe.messages.ListenRequest(text="x"))
    assert (await stream.read()).text == "first"
    stream.cancel()
    async with asyncio.timeout(5):
        await closed.wait()


@pytest.mark.parametrize("method", ["Absent", "AbsentStream"])
async def test_missing_method_says_what_is_missing(probe: Probe, start: Start, method: str) -> None:
    client = await start(Ask=echo)
    failure = await failure_of(getattr(client.stub, method)(probe.messages.AbsentRequest()))
    assert failure.code is grpc.StatusCode.UNIMPLEMENTED
    assert failure.info.reason == "METHOD_NOT_AVAILABLE"
    assert f"probe.v1.ProbeService.{method}" in failure.message


async def test_method_that_is_not_async_is_refused_at_start(start: Start) -> None:
    def not_async(request: Any, _context: Any) -> Any:
        return request

    with pytest.raises(TypeError, match=r"/probe\.v1\.ProbeService/Ask must be 'async def'"):
        await start(Ask=not_async)


async def test_compressed_message_is_refused(probe: Probe, start: Start) -> None:
    client = await start(Ask=echo)
    call = client.stub.Ask(
        probe.messages.AskRequest(text="0" * 90_000), compression=grpc.Compression.Gzip
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_too_large_a_message_is_refused(probe: Probe, start: Start) -> None:
    limit = 4 * 1024 * 1024
    client = await start(settings=ServerSettings(max_message_bytes=limit), Ask=echo)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.stub.Ask(probe.messages.AskRequest(text="0" * limit))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
