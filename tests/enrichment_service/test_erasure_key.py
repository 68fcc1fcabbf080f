"""The secret that erased people are remembered by: none, another one, the embedded store's own."""

from pathlib import Path

import grpc
import pytest
import redis
from enrichment.v1 import enrichments_pb2 as pb
from enrichment.v1.enrichments_pb2_grpc import EnrichmentServiceStub
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from enrichment_service.access import ACCESS
from enrichment_service.app import build, erasure_secret
from enrichment_service.erasure import Erasure
from enrichment_service.person_keys import PersonKeys
from enrichment_service.settings import Settings
from enrichment_service.store.store import Store
from servicekit.errors import ServiceError
from servicekit.kept_secrets import embedded_secret
from servicekit.server import start_server
from servicekit.settings import ConfigurationError
from tests.enrichment_service.enrichment_calls import reason_of
from tests.support.enrichment_store import Workspace
from tests.support.valkey import Valkey

SECRET = "a secret of the tests"


@given(first=st.text(min_size=3), second=st.text(min_size=3))
def test_equal_names_have_equal_keys_and_others_have_not(first: str, second: str) -> None:
    keys = PersonKeys(SECRET.encode())
    same = keys.of("w", [first]) == keys.of("w", [second])
    assert same == (len(keys.of("w", [first, second])) == 1)
    assert keys.of("w", [first]) != keys.of("v", [first])
    assert keys.of("w", [first]) != PersonKeys(b"another").of("w", [first])


def test_keys_fold_vanities_and_keep_ids_apart() -> None:
    keys = PersonKeys(SECRET.encode())
    assert keys.of("w", ["Ada-Lovelace"]) == keys.of("w", ["ada-lovelace"])
    lower, upper = keys.of("w", ["ACoAAaaaaaaaaaa", "ACoAAAAAAAAAAAA"])
    assert lower != upper


def test_without_a_secret_there_are_no_keys() -> None:
    with pytest.raises(ServiceError) as caught:
        PersonKeys(None).of("w", ["ada"])
    assert caught.value.reason == "ERASURE_KEY_MISSING"
    assert "ada" not in str(caught.value)


def test_an_embedded_store_makes_its_own_once(tmp_path: Path) -> None:
    settings = Settings(store_marker=tmp_path / "marker")
    secret = erasure_secret(settings)
    assert secret is not None
    assert len(secret) == 64
    assert erasure_secret(settings) == secret
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert embedded_secret(tmp_path / "other") != secret


def test_a_secret_of_the_settings_comes_first(tmp_path: Path) -> None:
    settings = Settings(store_marker=tmp_path / "marker", erasure_key=SecretStr(SECRET))
    assert erasure_secret(settings) == SECRET.encode()
    assert SECRET not in repr(settings)
    assert list(tmp_path.iterdir()) == []


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 16"):
        Settings(erasure_key=SecretStr("short"))


async def test_without_a_secret_nobody_is_taken_in(
    store: Store, valkey_url: str, tmp_path: Path
) -> None:
    app = await build(Settings(store_url=SecretStr(valkey_url), clock_file=tmp_path / "clock"))
    server = await start_server(
        services=app.services,
        access=ACCESS,
        settings=Settings(),
        drain=app.drain,
        close=app.close,
    )
    try:
        async with grpc.aio.insecure_channel(server.address) as channel:
            stub = EnrichmentServiceStub(channel)
            submit = pb.SubmitProfilesRequest(
                name="workspaces/w/enrichments/e",
                profiles=[pb.ProfileSubmission(identifiers=["ada"])],
            )
            erase = pb.EraseProfileRequest(parent="workspaces/w", identifiers=["ada"])
            for call in (stub.SubmitProfiles(submit), stub.EraseProfile(erase)):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call
                assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
                assert reason_of(caught.value) == "ERASURE_KEY_MISSING"
    finally:
        await server.stop()


async def test_without_a_secret_nobody_is_viewed(
    store: Store, empty_valkey: Valkey, valkey_url: str, tmp_path: Path
) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        workspace = Workspace(store, client)
        await workspace.connect()
        await workspace.create()
        await workspace.submit("e", ["ada"])
        app = await build(Settings(store_url=SecretStr(valkey_url), clock_file=tmp_path / "clock"))
        # An engine at work looks once before the first of these has answered.
        for _ in range(50):
            await workspace.look()
    for hook in app.drain:
        await hook()
    for hook in reversed(app.close):
        await hook()
    # Nobody has claimed the account.
    assert "fence" not in await workspace.account()


async def test_another_secret_is_refused(store: Store, valkey_url: str, tmp_path: Path) -> None:
    assert await Erasure(store, keys=PersonKeys(SECRET.encode())).secret_is_known()
    assert await Erasure(store, keys=PersonKeys(SECRET.encode())).secret_is_known()
    other = Settings(
        store_url=SecretStr(valkey_url),
        clock_file=tmp_path / "clock",
        erasure_key=SecretStr("another secret of the tests"),
    )
    with pytest.raises(ConfigurationError, match="ENRICHMENT_ERASURE_KEY"):
        await build(other)
