"""What docker-compose.yml says works: its services run as plain processes and do the main job."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import yaml

from clients.audience import AudienceClient
from clients.enrichment import EnrichmentClient
from tests.support.compose import ROOT, Addresses, ComposeFile, read_compose
from tests.support.main_job import enrich_somebody
from tests.support.metrics_page import read_metrics
from tests.support.plain_processes import BIN, answers_well, start_process
from tests.support.postgres import Postgres, new_database, start_postgres
from tests.support.valkey import free_port, store_server

OURS = ("simulator", "enrichment", "audience")


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
        await start_process(
            stack,
            [store_server(), *valkey[1:], "--port", str(valkey_port), "--bind", "127.0.0.1"],
            environment={},
            folder=tmp_path / "valkey",
        )
        for service in OURS:
            described = compose.services[service]
            assert set(described.get("depends_on", {})) <= {"valkey", "postgres", *OURS}
            await start_process(
                stack,
                [str(BIN / described["command"][0]), *described["command"][1:]],
                environment=addresses.environment(service, described["environment"]),
                folder=tmp_path / service,
            )
            if "healthcheck" in described:
                await answers_well(addresses.command(service, described["healthcheck"]["test"][1:]))
        yield addresses


async def test_the_main_job_runs(addresses: Addresses) -> None:
    async with (
        AudienceClient(f"127.0.0.1:{addresses.ports['audience', 50051]}") as audiences,
        EnrichmentClient(f"127.0.0.1:{addresses.ports['enrichment', 50052]}") as enrichment,
    ):
        await enrich_somebody(audiences, enrichment)
    for service in ("audience", "enrichment"):
        page = await read_metrics(f"127.0.0.1:{addresses.ports[service, 9464]}")
        assert page.value("grpc_server_handled_total", grpc_code="OK") > 0


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
