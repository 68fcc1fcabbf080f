"""HTTP beside gRPC has the service's certificate, and a new one when it changes."""

import asyncio
import ssl
from pathlib import Path

import pytest
from aiohttp import web

from servicekit.https import https_context
from servicekit.settings import ConfigurationError, ServerSettings
from tests.support.credentials import Certificates


async def test_a_new_certificate_is_used_and_a_broken_one_is_not(tmp_path: Path) -> None:
    certificates = Certificates.create(tmp_path)
    settings = ServerSettings(
        tls_cert_file=certificates.file("server.pem"), tls_key_file=certificates.file("server.key")
    )
    context = https_context(settings)
    assert context is not None
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    try:
        first = await _served(port, tmp_path)
        assert await _served(port, tmp_path) == first
        certificates.authority.sign_server(tmp_path, hosts=["127.0.0.1"])
        second = await _served(port, tmp_path)
        assert second != first
        certificates.file("server.pem").write_text("not a certificate")
        assert await _served(port, tmp_path) == second
    finally:
        await runner.cleanup()


def test_without_a_certificate_there_is_none() -> None:
    assert https_context(ServerSettings()) is None


def test_a_pair_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    with pytest.raises(ConfigurationError, match="TLS"):
        https_context(ServerSettings(tls_cert_file=nothing, tls_key_file=nothing))


async def _served(port: int, directory: Path) -> bytes:
    """The certificate of a handshake that trusts the authority alone."""
    trust = ssl.create_default_context(cafile=directory / "ca.pem")
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    assert isinstance(certificate, bytes)
    return certificate
