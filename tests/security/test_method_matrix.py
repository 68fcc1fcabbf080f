"""Every method of both services, against every way in which a caller may not be allowed to."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import jwt
import pytest
import pytest_asyncio
import redis

from audience_service.access import ACCESS as AUDIENCE_ACCESS
from audience_service.app import build as build_audience
from audience_service.settings import Settings as AudienceSettings
from enrichment_service.access import ACCESS as ENRICHMENT_ACCESS
from enrichment_service.app import build as build_enrichment
from enrichment_service.settings import Settings as EnrichmentSettings
from servicekit.server import start_server
from servicekit.status import DETAILS_KEY
from tests.security.methods import TABLES, Method, all_methods
from tests.servicekit.probing import decode
from tests.support.credentials import Issuer, bearer, jwt_settings
from tests.support.valkey import Valkey

SCOPES = sorted({rule.scope for table in TABLES.values() for rule in table.values() if rule.scope})
NAMES = {
    "account": "workspaces/{w}/accounts/someone",
    "parent": "workspaces/{w}",
    "filter.workspaces": "workspaces/{w}",
    "filter.accounts": "workspaces/{w}/accounts/someone",
}
REFUSALS = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
pytestmark = pytest.mark.asyncio(loop_scope="module")
METHODS = pytest.mark.parametrize("method", all_methods(), ids=lambda method: method.name)

_TRIES = 10


class Pair:
    """Both services, asking for tokens of one issuer."""

    def __init__(self, issuer: Issuer, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self.issuer = issuer
        self._channels = channels

    async def answer(self, method: Method, request: bytes, token: str | None) -> tuple[str, str]:
        """The code of a call, and the reason of a failed one; of a stream its first message."""
        for _ in range(_TRIES):
            # grpc.aio makes this of a stream that ends while its first message is being written.
            if (answered := await self._ask(method, request, token)) != ("INTERNAL", ""):
                break
        return answered

    async def _ask(self, method: Method, request: bytes, token: str | None) -> tuple[str, str]:
        channel = self._channels[method.service]
        path = f"/{method.name}"
        metadata = bearer(token) if token else None
        kind = (method.descriptor.client_streaming, method.descriptor.server_streaming)
        try:
            if kind == (False, False):
                unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
                await unary(request, metadata=metadata, timeout=20)
            elif kind == (False, True):
                reading: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
                reading = channel.unary_stream(path)
                stream = reading(request, metadata=metadata, timeout=20)
                await stream.read()
                stream.cancel()
            else:
                talking: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
                talking = channel.stream_stream(path)
                await talking(iter([request]), metadata=metadata, timeout=20).read()
        except grpc.aio.AioRpcError as error:
            known = DETAILS_KEY in dict(error.trailing_metadata())
            return error.code().name, decode(error).info.reason if known else ""
        return "OK", ""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory, valkey: Valkey) -> AsyncIterator[Pair]:
    """One for all tests; no work goes on beside the calls."""
    directory = tmp_path_factory.mktemp("matrix")
    issuer = Issuer.create(directory)
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    tokens = jwt_settings(issuer)
    async with AsyncExitStack() as stack:
        enrichment = EnrichmentSettings.model_validate(
            {
                **tokens,
                "store_url": valkey.url,
                "store_marker": directory / "marker",
                "worker": False,
                "drain_grace_seconds": 0,
            }
        )
        app = await build_enrichment(enrichment)
        server = await start_server(
            services=app.services,
            access=ENRICHMENT_ACCESS,
            settings=enrichment,
            drain=app.drain,
            close=app.close,
        )
        stack.push_async_callback(server.stop)
        audience = AudienceSettings.model_validate(
            {
                **tokens,
                "database_url": f"sqlite+aiosqlite:///{directory / 'audience.db'}",
                "enrichment_address": "127.0.0.1:1",
                "drain_grace_seconds": 0,
            }
        )
        other = await build_audience(audience)
        second = await start_server(
            services=other.services,
            access=AUDIENCE_ACCESS,
            settings=audience,
            drain=other.drain,
            close=other.close,
        )
        stack.push_async_callback(second.stop)
        addresses = {"enrichment": server.address, "audience": second.address}
        channels = {
            name: await stack.enter_async_context(grpc.aio.insecure_channel(address))
            for name, address in addresses.items()
        }
        yield Pair(issuer, channels)


def _request(method: Method, workspace: str, *, elsewhere: str = "") -> bytes:
    """A request that names this workspace everywhere, but `other` at the path ``elsewhere``."""

    def fill(path: str) -> str:
        wanted = "other" if path == elsewhere else workspace
        return NAMES.get(path, "workspaces/{w}/things/some-thing").format(w=wanted)

    return method.request(fill).SerializeToString()


@METHODS
async def test_own_workspace_is_let_in(pair: Pair, method: Method) -> None:
    assert method.rule.scope
    token = pair.issuer.token(scopes=[method.rule.scope], workspaces=["own"])
    code, reason = await pair.answer(method, _request(method, "own"), token)
    assert (code, reason) != ("INTERNAL", "INTERNAL_ERROR")
    if reason.startswith("LINKEDIN_"):
        # LinkedIn's own token is missing, which is another matter.
        return
    assert code not in {refusal.name for refusal in REFUSALS}


@METHODS
async def test_other_missing_and_forged_workspaces_are_refused(pair: Pair, method: Method) -> None:
    assert method.rule.scope
    token = pair.issuer.token(scopes=[method.rule.scope], workspaces=["own", "own-too"])
    if not method.rule.names:
        return
    denied = ("PERMISSION_DENIED", "WORKSPACE_DENIED")
    for workspace in ("other", "own2", "ow", "OWN", "own ", "*", "-", "", "../own", "öwn", "o\0"):
        assert await pair.answer(method, _request(method, workspace), token) == denied, workspace
    empty = method.request(lambda _: "").SerializeToString()
    assert await pair.answer(method, empty, token) == denied
    if not method.descriptor.client_streaming:
        assert await pair.answer(method, b"", token) == denied
    bare = method.request(lambda _: "own").SerializeToString()
    assert await pair.answer(method, bare, token) == denied
    for path in (*method.rule.names, *method.rule.references):
        smuggled = _request(method, "own", elsewhere=path)
        assert await pair.answer(method, smuggled, token) == denied, path


@METHODS
async def test_other_scopes_are_refused(pair: Pair, method: Method) -> None:
    others = [scope for scope in SCOPES if scope != method.rule.scope]
    token = pair.issuer.token(scopes=others)
    # What the request holds makes no difference: it is not looked at.
    for request in (_request(method, "own"), b"\xff"):
        answer = await pair.answer(method, request, token)
        assert answer == ("PERMISSION_DENIED", "SCOPE_MISSING")


@METHODS
async def test_bad_tokens_are_refused(pair: Pair, method: Method, tmp_path: Path) -> None:
    issuer = pair.issuer
    good = issuer.token(scopes=SCOPES)
    claims = jwt.decode(good, options={"verify_signature": False})
    head, body, signature = good.split(".")
    bad = {
        None: "TOKEN_MISSING",
        issuer.token(scopes=SCOPES, seconds=-60): "TOKEN_EXPIRED",
        issuer.token(scopes=SCOPES, issuer="https://evil.test"): "TOKEN_INVALID",
        issuer.token(scopes=SCOPES, audience="others"): "TOKEN_INVALID",
        Issuer.create(tmp_path).token(scopes=SCOPES): "TOKEN_INVALID",
        jwt.encode(claims, "", algorithm="none"): "TOKEN_INVALID",
        f"{head}.{body}.": "TOKEN_INVALID",
        f"{head}.{body}.{signature[::-1]}": "TOKEN_INVALID",
    }
    for token, reason in bad.items():
        for request in (_request(method, "own"), b"\xff"):
            answer = await pair.answer(method, request, token)
            assert answer == ("UNAUTHENTICATED", reason), token
