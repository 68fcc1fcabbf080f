"""The pair with TLS and tokens: the whole job, grpcurl, and the command line."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.stack_process import Ended, RunningStack, command, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVENTS = ("event", "subscribe", "--from", "earliest", "--once", "--json")
GRPCURL = Path(sys.executable).with_name("grpcurl")


@dataclass(frozen=True, kw_only=True)
class Secured:
    """A running stack and the files that clients of it need."""

    stack: RunningStack
    ca_file: str
    token_file: str

    @property
    def token(self) -> str:
        """All scopes, all workspaces."""
        return Path(self.token_file).read_text().strip()

    async def ctl(self, *arguments: str) -> Ended:
        """audiencectl, which finds its credentials by itself."""
        return await command("--data-dir", str(self.stack.data_dir), *arguments)

    async def grpcurl(self, *arguments: str, token: str | None = None) -> Ended:
        """grpcurl over TLS, with a token if given."""
        bearer = ["-H", f"authorization: Bearer {token}"] if token else []
        process = await asyncio.create_subprocess_exec(
            *(str(GRPCURL), "-cacert", self.ca_file, *bearer, *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ended(status=process.returncode or 0, stdout=out.decode(), stderr=err.decode())

    async def issue(self, *arguments: str) -> str:
        """A token of `audiencectl token issue`."""
        key = str(self.stack.data_dir / "security" / "token-key.pem")
        ended = await command("token", "issue", "--key", key, *arguments)
        assert ended.status == 0, ended.stderr
        return ended.stdout.strip()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def secured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secured]:
    data_dir = tmp_path_factory.mktemp("secured") / "data"
    options = ("--secured", "--stepped-clock", "--start-time", "2026-03-02T08:00:00Z")
    async with running(data_dir, *options) as stack:
        addresses = json.loads(stack.line)
        yield Secured(stack=stack, ca_file=addresses["ca_file"], token_file=addresses["token_file"])


async def test_import_enrichment_and_events_work(secured: Secured, tmp_path: Path) -> None:
    people = tmp_path / "people.txt"
    people.write_text("".join(f"https://www.linkedin.com/in/person-{n}\n" for n in range(12)))
    for arguments in (
        ("account", "connect", "ada", "--provider-account-id", "ada", "--strategy", "veteran"),
        ("audience", "create", "founders", "--account", "ada"),
        ("import", str(people), "--audience", "founders"),
        ("audience", "enrich", "founders"),
    ):
        ended = await secured.ctl(*arguments)
        assert ended.status == 0, (arguments, ended.stderr)
    events = ""
    async with asyncio.timeout(60):
        while events.count("PROFILE_ENRICHED") + events.count("PROFILE_FAILED") < 10:
            ended = await secured.ctl(*EVENTS)
            assert ended.status == 0, ended.stderr
            events = ended.stdout
    # Linked by the audience service, which follows the events with a token of its own.
    async with asyncio.timeout(60):
        while True:
            members = await secured.ctl("audience", "members", "founders", "--json")
            assert members.status == 0, members.stderr
            if members.stdout.count('"firstName"') >= 8:
                break
    examined = await secured.ctl("doctor")
    assert examined.status == 0, examined.stdout


async def test_grpcurl_needs_a_token_for_all_but_health(secured: Secured) -> None:
    for address in (secured.stack.audience, secured.stack.enrichment):
        listed = await secured.grpcurl(address, "list")
        assert listed.status != 0
        assert "authorization: Bearer" in listed.stderr
        token = secured.token
        listed = await secured.grpcurl(address, "list", token=token)
        assert "grpc.health.v1.Health" in listed.stdout.split()
        healthy = await secured.grpcurl(
            address,
            "grpc.health.v1.Health/Check",
            token=await secured.issue("--scope", "views.read"),
        )
        assert "SERVING" in healthy.stdout


async def test_issued_token_allows_what_it_says_and_nothing_else(secured: Secured) -> None:
    token = await secured.issue("--workspace", "demo", "--scope", "accounts.read", "--ttl", "5m")
    address = secured.stack.enrichment
    method = "enrichment.v1.AccountService/ListAccounts"

    async def call(parent: str, to: str = method) -> Ended:
        body = json.dumps({"parent": f"workspaces/{parent}"})
        return await secured.grpcurl("-d", body, address, to, token=token)

    assert (await call("demo")).status == 0
    assert "WORKSPACE_DENIED" in (await call("other")).stderr
    refused = await call("demo", "enrichment.v1.EnrichmentService/ListEnrichments")
    assert "SCOPE_MISSING" in refused.stderr


async def test_plain_text_and_unknown_authorities_get_nowhere(
    secured: Secured, tmp_path: Path
) -> None:
    made = await command("certificates", "--out", str(tmp_path))
    assert made.status == 0, made.stderr
    environment = {
        "AUDIENCECTL_AUDIENCE": secured.stack.audience,
        "AUDIENCECTL_TOKEN_FILE": secured.token_file,
    }
    for more in ({}, {"AUDIENCECTL_CA_FILE": str(tmp_path / "ca.pem")}):
        ended = await command("audience", "list", environment={**environment, **more})
        assert ended.status == 3, ended.stderr


async def test_command_line_without_rights_says_so(secured: Secured, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(await secured.issue("--scope", "accounts.read"))
    environment = {
        "AUDIENCECTL_AUDIENCE": secured.stack.audience,
        "AUDIENCECTL_CA_FILE": secured.ca_file,
        "AUDIENCECTL_TOKEN_FILE": str(tmp_path / "token"),
    }
    ended = await command("audience", "list", environment=environment)
    assert ended.status == 6
    assert "audiences.read" in ended.stderr


async def test_container_probe_speaks_tls(secured: Secured) -> None:
    probe = (sys.executable, "-m", "servicekit.probe", secured.stack.audience)
    for options, status in ((("--ca-file", secured.ca_file), 0), ((), 1)):
        process = await asyncio.create_subprocess_exec(*probe, *options, env=dict(os.environ))
        assert await process.wait() == status
