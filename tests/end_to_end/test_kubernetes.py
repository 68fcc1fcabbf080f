"""The pair with the environment that its pods have: mutual TLS, callers by their certificates."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import yaml

from clients.audience import AudienceClient
from clients.audiencectl.authority import Authority
from clients.credentials import Credentials
from clients.enrichment import EnrichmentClient
from tests.support.main_job import enrich_somebody
from tests.support.plain_processes import answers_well, start_process
from tests.support.postgres import new_database, start_postgres
from tests.support.simulator_process import KEY, SimulatorProcess
from tests.support.valkey import ProcessValkey, free_port

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
GRPC = {"enrichment": 50052, "audience": 50051}
OPS = "ops.example.org"


class Pods:
    """Where the files of pods are here, and their ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority.create()
        self.ports = {
            (service, port): free_port() for service, grpc in GRPC.items() for port in (grpc, 9464)
        }

    def mount(self, service: str) -> None:
        """The volumes of the service's pods."""
        tls = self.folder / service / "tls"
        self.authority.write(tls)
        hosts = [f"{service}.linkedin.svc", "127.0.0.1"]
        self.authority.sign_server(tls, hosts=hosts, name="tls")
        (tls / "ca.pem").rename(tls / "ca.crt")
        (tls / "tls.pem").rename(tls / "tls.crt")
        callers = self.folder / service / "callers"
        callers.mkdir()
        entry = (KUBERNETES / "callers.toml").read_text("utf-8")
        scopes = '["accounts.manage", "audiences.read", "audiences.write"]'
        (callers / "callers.toml").write_text(
            f'{entry}\n[callers."{OPS}"]\nscopes = {scopes}\nworkspaces = ["demo"]\n'
        )

    def local(self, service: str, text: str) -> str:
        """A path, address or port of a pod."""
        for (name, port), here in self.ports.items():
            text = text.replace(f"dns:///{name}.linkedin.svc:{port}", f"127.0.0.1:{here}")
            if name == service:
                text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{here}")
                text = str(here) if text == str(port) else text
        for volume in ("/tls/", "/callers/"):
            text = text.replace(volume, f"{self.folder / service}{volume}")
        return text

    def environment(self, service: str) -> dict[str, str]:
        """What the config map gives to the pods."""
        lines = (KUBERNETES / f"{service}.env").read_text("utf-8").splitlines()
        pairs = (line.partition("=") for line in lines)
        return {name: self.local(service, value) for name, _, value in pairs}

    def probe(self, service: str) -> list[str]:
        """The command of the pods' readiness probe."""
        deployment = next(yaml.safe_load_all((KUBERNETES / f"{service}.yaml").read_text("utf-8")))
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        command = container["readinessProbe"]["exec"]["command"]
        return [self.local(service, word) for word in command]


@pytest.fixture
async def pods(tmp_path: Path) -> AsyncIterator[Pods]:
    """Both services at work, on stores that are not theirs to start."""
    async with AsyncExitStack() as stack:
        pods = Pods(tmp_path)
        simulator = stack.enter_context(SimulatorProcess(tmp_path / "simulator"))
        postgres = start_postgres()
        stack.callback(postgres.stop)
        store = tmp_path / "valkey"
        store.mkdir()
        valkey = ProcessValkey(store)
        stack.callback(valkey.stop)
        secrets = {
            "enrichment": {
                "ENRICHMENT_STORE_URL": valkey.url,
                "ENRICHMENT_PROVIDER_URL": simulator.url,
                "ENRICHMENT_PROVIDER_API_KEY": KEY,
                "ENRICHMENT_ERASURE_KEY": "a secret of the tests",
                "ENRICHMENT_STORE_MARKER": str(tmp_path / "marker"),
            },
            "audience": {
                "AUDIENCE_DATABASE_URL": new_database(postgres),
                "AUDIENCE_ERASURE_KEY": "a secret of the tests",
            },
        }
        for service in GRPC:
            pods.mount(service)
            await start_process(
                stack,
                [f"{service}-service"],
                environment={**pods.environment(service), **secrets[service]},
                folder=tmp_path / service,
            )
            await answers_well(pods.probe(service))
        yield pods


async def test_the_main_job_runs_over_mutual_tls(pods: Pods) -> None:
    pods.authority.sign_client(pods.folder, names=[OPS], name="ops")
    credentials = Credentials(
        ca_file=pods.folder / "enrichment" / "tls" / "ca.crt",
        cert_file=pods.folder / "ops.pem",
        key_file=pods.folder / "ops.key",
    )
    audience, enrichment = (
        pods.ports[service, GRPC[service]] for service in ("audience", "enrichment")
    )
    async with (
        AudienceClient(f"127.0.0.1:{audience}", credentials=credentials) as audiences,
        EnrichmentClient(f"127.0.0.1:{enrichment}", credentials=credentials) as enriching,
    ):
        await enrich_somebody(audiences, enriching)
