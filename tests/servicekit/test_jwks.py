"""Keys at a URL: fetched over TLS, kept when that fails, and asked for no more often than meant."""

import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from servicekit.errors import ServiceError
from servicekit.jwks import KeySource, url_source
from tests.support.credentials import Certificates, Issuer


@dataclass
class KeyServer:
    """Serves a JWKS; a test changes what it answers."""

    url: str
    http: httpx.AsyncClient
    answer: Callable[[], web.StreamResponse]
    asked: int = 0
    seconds: float = field(default=1000.0)

    def source(self) -> KeySource:
        """Keys of this server, on a clock that the test moves."""
        return url_source(self.url, self.http, now=lambda: self.seconds)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer.create(tmp_path / "keys")


@pytest.fixture
async def server(tmp_path: Path, issuer: Issuer) -> AsyncIterator[KeyServer]:
    certificates = Certificates.create(tmp_path / "tls")
    keys = KeyServer(url="", http=httpx.AsyncClient(), answer=lambda: _document(issuer))
    await keys.http.aclose()

    async def get(_request: web.Request) -> web.StreamResponse:
        keys.asked += 1
        return keys.answer()

    app = web.Application()
    app.router.add_get("/jwks", get)
    runner = web.AppRunner(app)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.file("server.pem"), certificates.file("server.key"))
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    keys.url = f"https://127.0.0.1:{runner.addresses[0][1]}/jwks"
    trusting = ssl.create_default_context(cafile=certificates.file("ca.pem"))
    async with httpx.AsyncClient(verify=trusting, follow_redirects=False) as http:
        keys.http = http
        yield keys
    await runner.cleanup()


def _document(issuer: Issuer) -> web.Response:
    return web.Response(body=issuer.jwks_file.read_bytes())


def _kid(issuer: Issuer) -> str:
    return issuer.key_file.read_text().partition("\n")[0].removeprefix("kid: ")


async def test_unknown_keys_are_asked_for_once_a_minute_at_most(
    server: KeyServer, issuer: Issuer
) -> None:
    source = server.source()
    await source.start()
    assert await source.find(_kid(issuer))
    for number in range(50):
        assert await source.find(f"unknown-{number}") is None
    assert server.asked == 1
    server.seconds += 61
    for number in range(50):
        assert await source.find(f"unknown-{number}") is None
    assert server.asked == 2
    await source.close()


async def test_new_key_is_found_after_a_minute(
    server: KeyServer, issuer: Issuer, tmp_path: Path
) -> None:
    source = server.source()
    await source.start()
    renewed = Issuer.create(tmp_path / "renewed")
    server.answer = lambda: _document(renewed)
    assert await source.find(_kid(renewed)) is None
    server.seconds += 61
    assert await source.find(_kid(renewed))
    # The old one is not there any more.
    assert await source.find(_kid(issuer)) is None
    assert source.generation == 2
    await source.close()


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=500),
        lambda: web.Response(body=b"{"),
        lambda: web.Response(body=b'{"keys": []}'),
        lambda: web.Response(body=b" " * 2_000_000),
        lambda: web.Response(status=302, headers={"Location": "https://127.0.0.1:1/"}),
    ],
    ids=["error", "no JSON", "no keys", "too large", "elsewhere"],
)
async def test_old_keys_stay_when_new_ones_cannot_be_read(
    server: KeyServer, issuer: Issuer, answer: Callable[[], web.StreamResponse]
) -> None:
    source = server.source()
    await source.start()
    server.answer = answer
    server.seconds += 61
    assert await source.find("unknown") is None
    assert server.asked == 2
    assert await source.find(_kid(issuer))
    await source.close()


async def test_without_any_keys_callers_are_told_to_come_back(
    server: KeyServer, issuer: Issuer
) -> None:
    server.answer = lambda: web.Response(status=503)
    source = server.source()
    await source.start()
    with pytest.raises(ServiceError) as caught:
        await source.find(_kid(issuer))
    assert caught.value.reason == "KEYS_NOT_AVAILABLE"
    server.answer = lambda: _document(issuer)
    server.seconds += 61
    assert await source.find(_kid(issuer))
    await source.close()


async def test_server_of_an_unknown_authority_is_not_believed(
    server: KeyServer, issuer: Issuer
) -> None:
    async with httpx.AsyncClient() as http:
        source = url_source(server.url, http, now=lambda: server.seconds)
        await source.start()
        with pytest.raises(ServiceError):
            await source.find(_kid(issuer))
        await source.close()
    assert server.asked == 0
