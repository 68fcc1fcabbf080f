"""`audiencectl doctor` against a secured pair: certificates, authorities and tokens."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from clients.audiencectl.authority import Authority
from clients.audiencectl.doctor_access import check_certificate, check_connection, check_token
from clients.audiencectl.doctor_findings import Level
from clients.audiencectl.signing_keys import TokenRequest, make_keys, sign_token
from clients.credentials import Credentials
from tests.support.stack_process import command, running


async def test_a_secured_pair_is_sound_and_a_token_for_elsewhere_is_not(tmp_path: Path) -> None:
    async with running(tmp_path / "data", "--secured"):
        data_dir = ("--data-dir", str(tmp_path / "data"))
        ended = await command(*data_dir, "doctor", "--json")
        assert ended.status == 0, ended.stdout
        found = {each["subject"]: each for each in json.loads(ended.stdout)["findings"]}
        for subject in ("enrichment TLS", "audience TLS", "token"):
            assert found[subject]["level"] == "ok"
        addresses = json.loads((tmp_path / "data" / "addresses.json").read_text())
        plain = await command(
            *("--enrichment", addresses["enrichment"], "--audience", addresses["audience"]),
            *("doctor", "--json"),
        )
        assert plain.status == 1
        problems = [
            each for each in json.loads(plain.stdout)["findings"] if each["level"] == "problem"
        ]
        assert problems
        assert all("--ca-file" in each["advice"] for each in problems)


async def test_a_certificate_of_another_authority_does_not_hold(tmp_path: Path) -> None:
    files = _server_files(tmp_path / "server", days=90)
    Authority.create().write(_made(tmp_path / "other"))
    async with _tls_server(files) as address:
        finding = await check_connection(
            "audience", address=address, credentials=Credentials(ca_file=files / "ca.pem")
        )
        assert finding.level is Level.OK
        finding = await check_connection(
            "audience",
            address=address,
            credentials=Credentials(ca_file=tmp_path / "other" / "ca.pem"),
        )
    assert finding.level is Level.PROBLEM
    assert "does not hold" in finding.found


async def test_a_certificate_that_ends_soon_is_a_warning(tmp_path: Path) -> None:
    files = _server_files(tmp_path, days=3)
    async with _tls_server(files) as address:
        finding = await check_connection(
            "audience", address=address, credentials=Credentials(ca_file=files / "ca.pem")
        )
    assert finding.level is Level.WARNING
    assert "expires in" in finding.found


async def test_plain_text_to_another_machine_is_a_warning() -> None:
    finding = await check_connection(
        "audience", address="192.0.2.1:50051", credentials=Credentials()
    )
    assert finding.level is Level.WARNING


def test_our_own_certificate_is_looked_at(tmp_path: Path) -> None:
    files = _server_files(tmp_path, days=3)
    assert check_certificate(files / "server.pem").level is Level.WARNING


@pytest.mark.parametrize(
    ("seconds", "workspaces", "levels"),
    [
        (3600, ["*"], {Level.OK}),
        (3600, ["acme"], {Level.OK}),
        (3600, ["other"], {Level.OK, Level.PROBLEM}),
        (-60, ["acme"], {Level.PROBLEM}),
    ],
)
def test_a_token_tells_of_itself(
    tmp_path: Path, seconds: int, workspaces: list[str], levels: set[Level]
) -> None:
    key_file, _ = make_keys(tmp_path)
    request = TokenRequest(
        subject="me",
        scopes=["views.read"],
        workspaces=workspaces,
        issuer="https://issuer.example",
        audience="them",
        seconds=seconds,
    )
    file = tmp_path / "token"
    file.write_text(sign_token(key_file, request))
    assert {each.level for each in check_token(file, workspace="acme")} == levels


def test_what_is_no_token_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("opaque")
    assert [each.level for each in check_token(file, workspace="acme")] == [Level.UNKNOWN]


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _server_files(directory: Path, *, days: int) -> Path:
    authority = Authority.create()
    authority.write(_made(directory))
    authority.sign_server(directory, hosts=["127.0.0.1"], days=days)
    return directory


@asynccontextmanager
async def _tls_server(files: Path) -> AsyncGenerator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files / "server.pem", files / "server.key")
    server = await asyncio.start_server(_say_nothing, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
