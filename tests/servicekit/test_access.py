"""Who may call what: tokens, scopes and workspaces, on a running server."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from servicekit.settings import ConfigurationError, ServerSettings
from tests.servicekit.probing import PROBE_ACCESS, Client, Probe, Start, failure_of, until_ok
from tests.support.credentials import AUDIENCE, ISSUER, Issuer, bearer, jwt_settings

SCOPE = ["probe.read"]


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer.create(tmp_path / "keys")


@pytest.fixture
async def asking(probe: Probe, start: Start, issuer: Issuer) -> Client:
    """A server that wants tokens. Its methods answer; what they get is valid."""

    async def ask(request: Any, _context: Any) -> Any:
        return probe.messages.AskResponse(text=request.text)

    async def talk(requests: Any, context: Any) -> None:
        async for request in requests:
            await context.write(probe.messages.TalkResponse(text=request.text))

    return await start(
        settings=ServerSettings.model_validate(jwt_settings(issuer)), Ask=ask, Talk=talk
    )


def _forged(issuer: Issuer, **changed: Any) -> str:
    """A token with other claims or headers than the issuer would write, signed by its key."""
    token = issuer.token(scopes=SCOPE)
    claims = jwt.decode(token, options={"verify_signature": False})
    headers = jwt.get_unverified_header(token)
    pem = issuer.key_file.read_text().partition("\n")[2]
    kept = {name: value for name, value in {**claims, **changed}.items() if value is not None}
    return jwt.encode(kept, pem, algorithm="ES256", headers={"kid": headers["kid"]})


def _unsigned(issuer: Issuer) -> str:
    claims = jwt.decode(issuer.token(scopes=SCOPE), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none")


def _signed_with_the_public_key(issuer: Issuer) -> str:
    """As if the public key were a shared secret, which everybody knows."""
    claims = jwt.decode(issuer.token(scopes=SCOPE), options={"verify_signature": False})
    [key] = json.loads(issuer.jwks_file.read_text())["keys"]
    return jwt.encode(claims, key["x"] + key["y"], algorithm="HS256", headers={"kid": key["kid"]})


def _signed_by_another(issuer: Issuer) -> str:
    other = Issuer.create(issuer.key_file.parent / "other")
    # Under the id of the key that is trusted.
    _, _, pem = other.key_file.read_text().partition("\n")
    first, _, _ = issuer.key_file.read_text().partition("\n")
    other.key_file.write_text(f"{first}\n{pem}")
    return other.token(scopes=SCOPE)


def _rsa_under_the_same_id(issuer: Issuer) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    token = issuer.token(scopes=SCOPE)
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.encode(claims, pem, algorithm="RS256", headers={"kid": kid})


BAD_TOKENS: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "expired": (lambda i: i.token(scopes=SCOPE, seconds=-60), "TOKEN_EXPIRED"),
    "issuer": (lambda i: i.token(scopes=SCOPE, issuer="https://evil.test"), "TOKEN_INVALID"),
    "audience": (lambda i: i.token(scopes=SCOPE, audience="others"), "TOKEN_INVALID"),
    "none": (_unsigned, "TOKEN_INVALID"),
    "hs256": (_signed_with_the_public_key, "TOKEN_INVALID"),
    "signature": (_signed_by_another, "TOKEN_INVALID"),
    "other algorithm": (_rsa_under_the_same_id, "TOKEN_INVALID"),
    "no expiry": (lambda i: _forged(i, exp=None), "TOKEN_INVALID"),
    "no subject": (lambda i: _forged(i, sub=None), "TOKEN_INVALID"),
    "no audience": (lambda i: _forged(i, aud=None), "TOKEN_INVALID"),
    "not yet": (lambda i: _forged(i, nbf=int(time.time()) + 600), "TOKEN_INVALID"),
    "scope as a list": (lambda i: _forged(i, scope=SCOPE), "TOKEN_INVALID"),
    "workspaces as text": (lambda i: _forged(i, workspaces="*"), "TOKEN_INVALID"),
    "a workspace that is none": (lambda i: _forged(i, workspaces=["a/b"]), "TOKEN_INVALID"),
    "subject with a line break": (lambda i: _forged(i, sub="a\nb"), "TOKEN_INVALID"),
    "too long": (lambda i: _forged(i, more="x" * 8000), "TOKEN_INVALID"),
    "not a token": (lambda _: "secret", "TOKEN_INVALID"),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_bad_tokens_are_refused_and_say_why(
    asking: Client, probe: Probe, issuer: Issuer, name: str
) -> None:
    make, reason = BAD_TOKENS[name]
    request = probe.messages.AskRequest(text="workspaces/own")
    failure = await failure_of(asking.stub.Ask(request, metadata=bearer(make(issuer))))
    assert (failure.code, failure.info.reason) == (grpc.StatusCode.UNAUTHENTICATED, reason)


async def test_without_a_token_nobody_is_let_in_and_the_request_is_not_looked_at(
    asking: Client,
) -> None:
    ask: Any = asking.channel.unary_unary("/probe.v1.ProbeService/Ask")
    failure = await failure_of(ask(b"\xff not a message"))
    assert failure.code is grpc.StatusCode.UNAUTHENTICATED
    assert failure.info.reason == "TOKEN_MISSING"


async def test_two_tokens_are_one_too_many(asking: Client, probe: Probe, issuer: Issuer) -> None:
    twice = bearer(issuer.token(scopes=SCOPE)) * 2
    failure = await failure_of(asking.stub.Ask(probe.messages.AskRequest(), metadata=twice))
    assert failure.info.reason == "TOKEN_INVALID"


async def test_scope_is_needed_before_the_request_is_looked_at(
    asking: Client, issuer: Issuer
) -> None:
    ask: Any = asking.channel.unary_unary("/probe.v1.ProbeService/Ask")
    token = issuer.token(scopes=["probe.write"])
    failure = await failure_of(ask(b"\xff not a message", metadata=bearer(token)))
    assert failure.code is grpc.StatusCode.PERMISSION_DENIED
    assert failure.info.reason == "SCOPE_MISSING"
    assert failure.info.metadata["scope"] == "probe.read"


@pytest.mark.parametrize(
    "name",
    ["workspaces/other/a/1", "", "own", "workspaces/own2", "/workspaces/own", "workspaces/*"],
)
async def test_other_workspaces_are_refused_whatever_they_look_like(
    asking: Client, probe: Probe, issuer: Issuer, name: str
) -> None:
    token = bearer(issuer.token(scopes=SCOPE, workspaces=["own"]))
    # One field is invalid: nothing is said about it.
    request = probe.messages.AskRequest(text=name, count=-1)
    failure = await failure_of(asking.stub.Ask(request, metadata=token))
    assert failure.code is grpc.StatusCode.PERMISSION_DENIED
    assert failure.info.reason == "WORKSPACE_DENIED"
    assert "text" in failure.message


@pytest.mark.parametrize("workspaces", [["own", "second"], ["*"]])
async def test_own_workspace_is_let_in(
    asking: Client, probe: Probe, issuer: Issuer, workspaces: list[str]
) -> None:
    token = bearer(issuer.token(scopes=["other", *SCOPE], workspaces=workspaces))
    request = probe.messages.AskRequest(text="workspaces/own/things/1")
    assert (await asking.stub.Ask(request, metadata=token)).text == request.text


async def test_every_message_of_a_stream_is_checked(
    asking: Client, probe: Probe, issuer: Issuer
) -> None:
    token = bearer(issuer.token(scopes=SCOPE, workspaces=["own"]))
    talk = asking.stub.Talk(metadata=token)
    await talk.write(probe.messages.TalkRequest(text="workspaces/own"))
    assert (await talk.read()).text == "workspaces/own"
    await talk.write(probe.messages.TalkRequest(text="workspaces/other"))
    assert (await failure_of(talk)).info.reason == "WORKSPACE_DENIED"


async def test_health_is_open_and_reflection_is_for_known_callers(
    asking: Client, issuer: Issuer
) -> None:
    health = health_pb2_grpc.HealthStub(asking.channel)
    await health.Check(health_pb2.HealthCheckRequest())
    reflect = reflection_pb2_grpc.ServerReflectionStub(asking.channel).ServerReflectionInfo
    request = reflection_pb2.ServerReflectionRequest(list_services="*")
    assert (await failure_of(reflect(iter([request])))).info.reason == "TOKEN_MISSING"
    answers = [each async for each in reflect(iter([request]), metadata=bearer(issuer.token()))]
    assert answers[0].list_services_response.service


async def test_key_that_is_added_is_taken_and_one_that_is_removed_is_not(
    asking: Client, probe: Probe, issuer: Issuer
) -> None:
    request = probe.messages.AskRequest(text="workspaces/own")
    old = bearer(issuer.token(scopes=SCOPE))
    await asking.stub.Ask(request, metadata=old)
    renewed = Issuer.create(issuer.key_file.parent / "renewed")
    renewed.jwks_file.replace(issuer.jwks_file)
    new = bearer(renewed.token(scopes=SCOPE))
    # Unknown keys are looked for once a second at most.
    await until_ok(lambda: asking.stub.Ask(request, metadata=new))
    failure = await failure_of(asking.stub.Ask(request, metadata=old))
    assert failure.info.reason == "TOKEN_INVALID"


async def test_method_without_a_row_keeps_the_server_from_starting(start: Start) -> None:
    table = dict(PROBE_ACCESS)
    del table["probe.v1.ProbeService/Talk"]
    with pytest.raises(ConfigurationError, match="ProbeService/Talk"):
        await start(access=table)


@pytest.mark.parametrize("content", [None, "{", '{"keys": []}', '{"keys": [{"kty": "oct"}]}'])
async def test_server_without_usable_keys_does_not_start(
    start: Start, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "jwks.json"
    if content is not None:
        file.write_text(content)
    settings = ServerSettings(jwt_jwks=str(file), jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    with pytest.raises(ConfigurationError, match="JWKS"):
        await start(settings=settings)


@pytest.mark.parametrize("algorithms", ["none", "HS256", "ES256,HS256", "", "rs256"])
def test_only_public_key_algorithms_can_be_set(algorithms: str) -> None:
    with pytest.raises(ValueError, match="must be some of"):
        ServerSettings(jwt_algorithms=algorithms)
