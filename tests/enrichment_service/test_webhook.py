"""The webhook over real HTTP: who may speak, what is understood, what is answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from enrichment_service.account_status import AccountStatuses
from enrichment_service.app import build
from enrichment_service.model import PauseReason
from enrichment_service.settings import Settings
from enrichment_service.webhook import PATH, SECRET_HEADER, Webhook, check_exposure
from servicekit.settings import ConfigurationError
from tests.enrichment_service.outcome_stack import MINUTE, OutcomeStack
from tests.support.valkey import Valkey

SECRET = "a-secret-of-the-test"


def body(provider_id: str, message: object, **more: object) -> bytes:
    told = {"account_id": provider_id, "account_type": "LINKEDIN", "message": message, **more}
    return json.dumps({"AccountStatus": told}).encode()


class Caller:
    """Speaks to the webhook as the provider does."""

    def __init__(self, *, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def post(self, data: bytes, *, secret: str | None = SECRET) -> int:
        """The status of the answer."""
        headers = {} if secret is None else {SECRET_HEADER: secret}
        async with self._session.post(self.url, data=data, headers=headers) as response:
            return response.status


@pytest.fixture
async def caller(stack: OutcomeStack) -> AsyncIterator[Caller]:
    webhook = Webhook(
        secret=SECRET, statuses=AccountStatuses(store=stack.store, wake=stack.engine.wake)
    )
    address = await webhook.start(host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        yield Caller(url=f"http://{address}{PATH}", session=session)
    await webhook.close()


async def test_an_account_is_halted_and_goes_on(stack: OutcomeStack, caller: Caller) -> None:
    await stack.sim.call(
        "POST", "/_sim/accounts", json=[{"id": stack.provider_id, "status": "CREDENTIALS"}]
    )
    await stack.submit("ada-lovelace")
    await stack.quiet()
    await stack.check_pause(PauseReason.ACCOUNT_DISCONNECTED)
    # The same as a message, five times, as the provider repeats what it is unsure of.
    for _ in range(5):
        assert await caller.post(body(stack.provider_id, "CREDENTIALS")) == 200
    await stack.sim.call("POST", "/_sim/accounts", json=[{"id": stack.provider_id, "status": "OK"}])
    for _ in range(5):
        assert await caller.post(body(stack.provider_id, "RECONNECTED")) == 200
    await stack.check_pause(None)
    await stack.advance(3 * MINUTE)
    assert (await stack.progress()).enriched == 1
    changes = await stack.events("ACCOUNT_PAUSED", "ACCOUNT_RESUMED")
    assert [event["t"] for event in changes] == ["ACCOUNT_PAUSED", "ACCOUNT_RESUMED"]


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", SECRET[:-1], "é" * 20])
async def test_without_the_secret_nothing_happens(
    stack: OutcomeStack, caller: Caller, secret: str | None
) -> None:
    assert await caller.post(body(stack.provider_id, "CREDENTIALS"), secret=secret) == 401
    # Nor is anything told about what would be understood.
    assert await caller.post(b"nonsense", secret=secret) == 401
    await stack.check_pause(None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[" * 10_000,
        b"[]",
        b"{}",
        b'{"AccountStatus": []}',
        b'{"AccountStatus": {"account_id": 7, "message": "OK"}}',
        body("acc", None),
        body("acc", ["OK"]),
        body("", "OK"),
        body("a" * 201, "OK"),
    ],
)
async def test_what_is_no_status_is_refused(caller: Caller, data: bytes) -> None:
    assert await caller.post(data) == 400


async def test_a_body_that_is_too_large_is_refused(caller: Caller) -> None:
    assert await caller.post(body("acc", "OK", more="x" * 20_000)) == 413


async def test_a_body_that_does_not_come_is_given_up(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enrichment_service.webhook._READ_SECONDS", 0.05)
    host, _, port = caller.url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{SECRET_HEADER}: {SECRET}\r\n"
    writer.write(f"{head}Content-Length: 10\r\n\r\n{{".encode())
    assert (await reader.readline()).split()[1] == b"408"
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("message", ["BRAND_NEW", "", "ok", "CREDENTIALS" * 50])
async def test_a_status_that_nobody_has_described_changes_nothing(
    stack: OutcomeStack, caller: Caller, message: str
) -> None:
    assert await caller.post(body(stack.provider_id, message)) == 200
    await stack.check_pause(None)


async def test_an_unknown_account_is_no_fault_of_the_provider(caller: Caller) -> None:
    with capture_logs() as lines:
        assert await caller.post(body("acc-nobody-knows", "CREDENTIALS")) == 200
    assert [line["event"] for line in lines] == ["status_of_unknown_account"]
    assert "acc-nobody-knows" not in str(lines)


async def test_other_paths_and_methods_do_not_exist(caller: Caller) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(caller.url) as response:
            assert response.status == 405
        async with session.post(caller.url + "/more") as response:
            assert response.status == 404


async def test_the_provider_is_asked_to_repeat_what_could_not_be_written(
    stack: OutcomeStack, caller: Caller, empty_valkey: Valkey
) -> None:
    empty_valkey.kill9()
    try:
        assert await caller.post(body(stack.provider_id, "CREDENTIALS")) == 503
    finally:
        empty_valkey.restart()
    assert await caller.post(body(stack.provider_id, "CREDENTIALS")) == 200
    await stack.check_pause(PauseReason.ACCOUNT_DISCONNECTED)


@pytest.mark.parametrize(("host", "secured"), [("127.0.0.1", False), ("::1", False), ("", True)])
def test_it_listens_on_this_machine_or_where_it_is_told(host: str, secured: bool) -> None:
    check_exposure(host, secured=secured)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "example.org"])
def test_it_does_not_listen_to_the_world_unasked(host: str) -> None:
    with pytest.raises(ConfigurationError, match="ENRICHMENT_INSECURE"):
        check_exposure(host, secured=False)


async def test_a_port_that_is_taken_is_told(stack: OutcomeStack, caller: Caller) -> None:
    port = int(caller.url.split("/")[2].partition(":")[2])
    statuses = AccountStatuses(store=stack.store, wake=stack.engine.wake)
    with pytest.raises(ConfigurationError, match="ENRICHMENT_WEBHOOK_PORT"):
        await Webhook(secret=SECRET, statuses=statuses).start(host="127.0.0.1", port=port)


@pytest.mark.parametrize("secret", ["", SECRET])
async def test_the_service_listens_only_with_a_secret(
    stack: OutcomeStack, empty_valkey: Valkey, tmp_path: Path, secret: str
) -> None:
    settings = Settings.model_validate(
        {
            "store_url": empty_valkey.url,
            "store_marker": tmp_path / "marker",
            "clock_file": tmp_path / "clock",
            "provider_url": stack.sim.url,
            "webhook_secret": secret,
        }
    )
    with capture_logs() as lines:
        app = await build(settings)
    ready = [line["address"] for line in lines if line["event"] == "webhook_ready"]
    assert len(ready) == (1 if secret else 0)
    async with aiohttp.ClientSession() as session:
        for address in ready:
            caller = Caller(url=f"http://{address}{PATH}", session=session)
            assert await caller.post(body(stack.provider_id, "STOPPED")) == 200
            await stack.check_pause(PauseReason.ACCOUNT_DISCONNECTED)
    for drain in app.drain:
        await drain()
    for close in reversed(app.close):
        await close()


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 characters"):
        Settings.model_validate({"webhook_secret": "short"})
