"""What docker-compose.yml says works: its services run as plain processes and do the main job."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import yaml
from audience.v1.audiences_pb2 import (
    AddProspectsRequest,
    Audience,
    CreateAudienceRequest,
    GetAudienceRequest,
    StartEnrichmentRequest,
)
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_VETERAN, Account, ConnectAccountRequest

from clients.audience import AudienceClient
from clients.enrichment import EnrichmentClient
from tests.support.compose import ROOT, Addresses, ComposeFile, read_compose
from tests.support.metrics_page import read_metrics
from tests.support.postgres import Postgres, new_database, start_postgres
from tests.support.valkey import free_port, store_server

BIN = Path(sys.executable).parent
OURS = ("simulator", "enrichment", "audience")
_SECONDS = 60.0


@pytest.fixture(scope="module")
def compose() -> ComposeFile:
    """As `docker compose --env-file deploy/simulator.env` reads it."""
    return read_compose(ROOT / "deploy" / "simulator.env")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """Listens in place of the container."""
    server = start_postgres()
    new_database(server, name="audience")
    yield server
    server.stop()


@pytest.fixture
async def addresses(
    compose: ComposeFile, postgres: Postgres, tmp_path: Path
) -> AsyncIterator[Addresses]:
    """All services run, started in the order of their dependencies."""
    ports = {
        ("postgres", 5432): postgres.port,
        **{
            (service, port): free_port()
            for service, port in (
                ("valkey", 6379),
                ("enrichment", 50052),
                ("enrichment", 9464),
                ("audience", 50051),
                ("audience", 9464),
                ("simulator", 50053),
            )
        },
    }
    addresses = Addresses(folder=tmp_path, ports=ports)
    (tmp_path / "valkey").mkdir()
    valkey = compose.services["valkey"]["command"]
    valkey_port = ports["valkey", 6379]
    async with AsyncExitStack() as stack:
        await _start(
            stack,
            [store_server(), *valkey[1:], "--port", str(valkey_port), "--bind", "127.0.0.1"],
            environment={},
            folder=tmp_path / "valkey",
        )
        for service in OURS:
            described = compose.services[service]
            assert set(described.get("depends_on", {})) <= {"valkey", "postgres", *OURS}
            await _start(
                stack,
                [str(BIN / described["command"][0]), *described["command"][1:]],
                environment=addresses.environment(service, described["environment"]),
                folder=tmp_path / service,
            )
            if "healthcheck" in described:
                await _healthy(addresses.command(service, described["healthcheck"]["test"][1:]))
        yield addresses


async def test_the_main_job_runs(addresses: Addresses) -> None:
    async with (
        AudienceClient(f"127.0.0.1:{addresses.ports['audience', 50051]}") as audiences,
        EnrichmentClient(f"127.0.0.1:{addresses.ports['enrichment', 50052]}") as enrichment,
    ):
        await enrichment.accounts.ConnectAccount(
            ConnectAccountRequest(
                parent="workspaces/demo",
                account_id="ada",
                account=Account(provider_account_id="ada", strategy=ACCOUNT_STRATEGY_VETERAN),
            )
        )
        created = await audiences.audiences.CreateAudience(
            CreateAudienceRequest(
                parent="workspaces/demo",
                audience_id="founders",
                audience=Audience(account="workspaces/demo/accounts/ada"),
            )
        )
        name = created.audience.name
        await audiences.audiences.AddProspects(
            AddProspectsRequest(
                audience=name, profile_urls=["https://www.linkedin.com/in/ada-lovelace"]
            )
        )
        await audiences.audiences.StartEnrichment(StartEnrichmentRequest(name=name))
        async with asyncio.timeout(_SECONDS):
            while True:
                answer = await audiences.audiences.GetAudience(GetAudienceRequest(name=name))
                if answer.audience.progress.enriched == 1:
                    break
                await asyncio.sleep(0.1)
    for service in ("audience", "enrichment"):
        page = await read_metrics(f"127.0.0.1:{addresses.ports[service, 9464]}")
        assert page.names


def test_prometheus_scrapes_what_the_services_offer(compose: ComposeFile) -> None:
    text = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text("utf-8")
    targets = {
        target
        for job in yaml.safe_load(text)["scrape_configs"]
        for each in job["static_configs"]
        for target in each["targets"]
    }
    offered = {
        f"{service}:{value}"
        for service in OURS
        for name, value in compose.services[service]["environment"].items()
        if name.endswith("_METRICS_PORT")
    }
    assert offered <= targets
    assert {target.split(":")[0] for target in targets} <= compose.services.keys() | {"localhost"}


def test_what_is_mounted_is_there(compose: ComposeFile) -> None:
    for service in compose.services.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in compose.volumes or (ROOT / source).is_dir(), source


def test_without_secrets_it_says_which_to_set() -> None:
    with pytest.raises(KeyError, match=r"POSTGRES_PASSWORD.*deploy/simulator\.env"):
        read_compose(None)


async def _start(
    stack: AsyncExitStack, command: list[str], *, environment: dict[str, str], folder: Path
) -> None:
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={"PATH": f"{BIN}:/usr/bin:/bin", **environment},
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    async def end() -> None:
        if process.returncode is None:
            process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0, (folder / "log").read_text()

    stack.push_async_callback(end)


async def _healthy(command: list[str]) -> None:
    """Asks as Compose asks, until it is answered well."""
    async with asyncio.timeout(_SECONDS):
        while True:
            asked = await asyncio.to_thread(
                subprocess.run,
                [str(BIN / command[0]), *command[1:]],
                check=False,
                capture_output=True,
            )
            if asked.returncode == 0:
                return
            await asyncio.sleep(0.1)
