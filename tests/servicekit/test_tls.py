"""TLS: certificates that are renewed while the server runs, and callers known by theirs."""

import asyncio
import ssl
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from servicekit.callers import current_caller
from servicekit.settings import ConfigurationError, ServerSettings
from tests.servicekit.probing import Probe, Start, failure_of, until_ok
from tests.support.credentials import Certificates, Issuer, bearer, jwt_settings

ENGINE = "spiffe://test/engine"
CALLERS = f"""
[callers."{ENGINE}"]
scopes = ["probe.read"]
workspaces = ["own"]
"""


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates.create(tmp_path / "tls", client_names=[ENGINE])


def _tls(certificates: Certificates, **more: object) -> ServerSettings:
    return ServerSettings.model_validate(
        {
            "tls_cert_file": certificates.file("server.pem"),
            "tls_key_file": certificates.file("server.key"),
            **more,
        }
    )


def _mutual(certificates: Certificates, callers: str, **more: object) -> ServerSettings:
    file = certificates.directory / "callers.toml"
    file.write_text(callers)
    ca = certificates.file("ca.pem")
    return _tls(certificates, tls_client_ca_file=ca, callers_file=file, **more)


def _channel(
    address: str, certificates: Certificates, *, client: str | None = None
) -> grpc.aio.Channel:
    files = ("ca.pem", f"{client}.key", f"{client}.pem") if client else ("ca.pem",)
    return grpc.aio.secure_channel(
        address,
        grpc.ssl_channel_credentials(*(certificates.file(name).read_bytes() for name in files)),
    )


async def _serial(address: str, certificates: Certificates) -> int:
    """The serial number of the certificate that a new connection is shown."""
    context = ssl.create_default_context(cafile=certificates.file("ca.pem"))
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(der).serial_number


def _serial_in(file: Path) -> int:
    return x509.load_pem_x509_certificate(file.read_bytes()).serial_number


async def test_new_certificate_is_used_without_a_restart(
    start: Start, certificates: Certificates
) -> None:
    client = await start(settings=_tls(certificates))
    first = _serial_in(certificates.file("server.pem"))
    assert await _serial(client.server.address, certificates) == first
    certificates.authority.sign_server(certificates.directory, hosts=["127.0.0.1"])
    second = _serial_in(certificates.file("server.pem"))
    assert second != first
    assert await _serial(client.server.address, certificates) == second


@pytest.mark.parametrize("broken", ["server.pem", "server.key"])
async def test_broken_pair_keeps_the_old_one_until_it_is_mended(
    start: Start, certificates: Certificates, tmp_path: Path, broken: str
) -> None:
    client = await start(settings=_tls(certificates))
    first = _serial_in(certificates.file("server.pem"))
    other = Certificates.create(tmp_path / "other")
    kept = certificates.file(broken).read_bytes()
    for content in (b"nonsense", b"", other.file(broken).read_bytes()):
        certificates.file(broken).write_bytes(content)
        assert await _serial(client.server.address, certificates) == first
    certificates.file(broken).unlink()
    assert await _serial(client.server.address, certificates) == first
    certificates.file(broken).write_bytes(kept)
    assert await _serial(client.server.address, certificates) == first


@pytest.mark.parametrize("content", [None, b"", b"nonsense", "other"])
async def test_server_does_not_start_on_a_broken_pair(
    start: Start, certificates: Certificates, tmp_path: Path, content: bytes | str | None
) -> None:
    key = certificates.file("server.key")
    if content is None:
        key.unlink()
    elif isinstance(content, bytes):
        key.write_bytes(content)
    else:
        key.write_bytes(Certificates.create(tmp_path / "o").file("server.key").read_bytes())
    with pytest.raises(ConfigurationError, match="TLS"):
        await start(settings=_tls(certificates))


async def test_expired_certificate_is_refused(start: Start, certificates: Certificates) -> None:
    certificates.authority.sign_server(certificates.directory, hosts=["127.0.0.1"], days=0)
    with pytest.raises(ConfigurationError, match="expired"):
        await start(settings=_tls(certificates))


@pytest.mark.parametrize("names", [["dns.test"], ["spiffe://test/else", "dns.test"]])
async def test_caller_is_known_by_a_dns_name_too(
    start: Start, probe: Probe, certificates: Certificates, names: list[str]
) -> None:
    callers = CALLERS.replace(ENGINE, "dns.test")

    async def ask(_request: object, _context: object) -> object:
        return probe.messages.AskResponse(text=current_caller.get().name)

    server = (await start(settings=_mutual(certificates, callers), Ask=ask)).server
    certificates.authority.sign_client(certificates.directory, names=names)
    async with _channel(server.address, certificates, client="client") as channel:
        stub = probe.stubs.ProbeServiceStub(channel)
        answer = await stub.Ask(probe.messages.AskRequest(text="workspaces/own"))
    assert answer.text == "dns.test"


async def test_caller_is_known_by_its_certificate(
    start: Start, probe: Probe, certificates: Certificates
) -> None:
    seen: list[str] = []

    async def ask(request: object, _context: object) -> object:
        seen.append(current_caller.get().name)
        return probe.messages.AskResponse()

    server = (await start(settings=_mutual(certificates, CALLERS), Ask=ask)).server
    async with _channel(server.address, certificates, client="client") as channel:
        stub = probe.stubs.ProbeServiceStub(channel)
        await stub.Ask(probe.messages.AskRequest(text="workspaces/own"))
        assert seen == [ENGINE]
        failure = await failure_of(stub.Ask(probe.messages.AskRequest(text="workspaces/other")))
        assert failure.info.reason == "WORKSPACE_DENIED"
        # The file is read again while the server runs.
        (certificates.directory / "callers.toml").write_text(CALLERS.replace("own", "other"))
        wanted = probe.messages.AskRequest(text="workspaces/other")
        await until_ok(lambda: stub.Ask(wanted))
        # A broken one changes nothing.
        (certificates.directory / "callers.toml").write_text("[callers")
        await stub.Ask(wanted)


async def test_certificate_without_an_entry_is_refused(
    start: Start, probe: Probe, certificates: Certificates
) -> None:
    server = (await start(settings=_mutual(certificates, CALLERS))).server
    names = ["spiffe://test/other", "engine.test"]
    certificates.authority.sign_client(certificates.directory, names=names, name="stranger")
    async with _channel(server.address, certificates, client="stranger") as channel:
        stub = probe.stubs.ProbeServiceStub(channel)
        failure = await failure_of(stub.Ask(probe.messages.AskRequest(text="workspaces/own")))
    assert failure.code is grpc.StatusCode.PERMISSION_DENIED
    assert failure.info.reason == "CALLER_UNKNOWN"


async def test_connection_without_a_certificate_of_the_authority_is_refused(
    start: Start, probe: Probe, certificates: Certificates, tmp_path: Path
) -> None:
    server = (await start(settings=_mutual(certificates, CALLERS))).server
    forged = Certificates.create(tmp_path / "forged", client_names=[ENGINE])
    for name in ("client.pem", "client.key"):
        certificates.file(f"forged{name[6:]}").write_bytes(forged.file(name).read_bytes())
    for client in (None, "forged"):
        async with _channel(server.address, certificates, client=client) as channel:
            call = probe.stubs.ProbeServiceStub(channel).Ask(probe.messages.AskRequest())
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_token_goes_before_the_certificate(
    start: Start, probe: Probe, certificates: Certificates, tmp_path: Path
) -> None:
    issuer = Issuer.create(tmp_path / "keys")
    settings = _mutual(certificates, CALLERS, **jwt_settings(issuer))

    async def ask(request: object, _context: object) -> object:
        return probe.messages.AskResponse()

    server = (await start(settings=settings, Ask=ask)).server
    async with _channel(server.address, certificates, client="client") as channel:
        stub = probe.stubs.ProbeServiceStub(channel)
        request = probe.messages.AskRequest(text="workspaces/own")
        await stub.Ask(request)
        failure = await failure_of(stub.Ask(request, metadata=bearer(issuer.token())))
        assert failure.info.reason == "SCOPE_MISSING"


@pytest.mark.parametrize(
    "content",
    [
        "[callers",
        'scopes = ["a"]',
        '[callers."a"]\nscopes = ["b"]',
        '[callers."a"]\nscopes = "b"\nworkspaces = ["c"]',
        '[callers."a"]\nscopes = ["b"]\nworkspaces = ["C"]',
        '[callers."a"]\nscopes = ["b"]\nworkspaces = ["c"]\nadmin = true',
    ],
)
async def test_server_does_not_start_on_a_wrong_callers_file(
    start: Start, certificates: Certificates, content: str
) -> None:
    with pytest.raises(ConfigurationError, match="callers"):
        await start(settings=_mutual(certificates, content))


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["tls_cert_file"], "TLS_KEY_FILE"),
        (["tls_key_file"], "TLS_CERT_FILE"),
        (["tls_client_ca_file", "callers_file"], "TLS_CERT_FILE"),
        (["tls_cert_file", "tls_key_file", "tls_client_ca_file"], "CALLERS_FILE"),
        (["tls_cert_file", "tls_key_file", "callers_file"], "TLS_CLIENT_CA_FILE"),
        (["jwt_jwks"], "JWT_ISSUER"),
        (["jwt_jwks", "jwt_issuer"], "JWT_AUDIENCE"),
    ],
)
async def test_what_is_half_configured_is_refused(
    start: Start, names: list[str], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        await start(settings=ServerSettings.model_validate(dict.fromkeys(names, "some.file")))


async def test_beyond_this_machine_needs_both_tls_and_known_callers(
    start: Start, certificates: Certificates, tmp_path: Path
) -> None:
    tokens = jwt_settings(Issuer.create(tmp_path / "keys"))
    with pytest.raises(ConfigurationError, match="TLS_CERT_FILE"):
        await start(settings=ServerSettings.model_validate({"host": "0.0.0.0", **tokens}))
    with pytest.raises(ConfigurationError, match="JWT_JWKS"):
        await start(settings=_tls(certificates, host="0.0.0.0"))
    await start(settings=_tls(certificates, host="0.0.0.0", **tokens))
    await start(settings=_mutual(certificates, CALLERS, host="0.0.0.0"))
