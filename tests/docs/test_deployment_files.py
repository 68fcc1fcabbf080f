"""What is deployed is valid by the schemas and rules of those who read it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from pydantic_settings import BaseSettings

from audience_service.settings import Settings as AudienceSettings
from enrichment_service.settings import Settings as EnrichmentSettings
from servicekit.settings import list_settings

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
MANIFESTS = sorted(set(KUBERNETES.glob("*.yaml")) - {KUBERNETES / "kustomization.yaml"})
SETTINGS: dict[str, type[BaseSettings]] = {
    "enrichment": EnrichmentSettings,
    "audience": AudienceSettings,
}
Json = dict[str, Any]


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run(
        [hadolint, ROOT / "deploy" / "Dockerfile"], check=False, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_a_manifest_is_valid(file: Path) -> None:
    for document in _documents(file):
        kubernetes_validate.validate(document, "1.37", strict=True)


def test_kustomize_lists_every_manifest() -> None:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))
    by_hand = {"init-store.yaml"}
    assert {file.name for file in MANIFESTS} == {*kustomization["resources"], *by_hand}
    if shutil.which("kubectl"):
        # The one part of kubectl that needs no cluster.
        built = subprocess.run(
            ["kubectl", "kustomize", KUBERNETES], check=True, capture_output=True, text=True
        )
        for document in yaml.safe_load_all(built.stdout):
            kubernetes_validate.validate(document, "1.37", strict=True)


@pytest.mark.parametrize("service", SETTINGS)
def test_every_variable_is_a_setting(service: str) -> None:
    known = {row.variable for row in list_settings(SETTINGS[service])}
    lines = (KUBERNETES / f"{service}.env").read_text("utf-8").splitlines()
    assert {line.partition("=")[0] for line in lines} <= known
    page = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
    in_secrets = set(re.findall(rf"`({service.upper()}_\w+)`", page))
    assert in_secrets <= known


@pytest.mark.parametrize("service", SETTINGS)
def test_pods_may_do_little_and_are_replaced_one_after_the_other(service: str) -> None:
    deployment, headless, budget = _documents(KUBERNETES / f"{service}.yaml")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert deployment["spec"]["replicas"] > budget["spec"]["minAvailable"]
    assert headless["spec"]["clusterIP"] == "None"
    drain = SETTINGS[service].model_fields["drain_grace_seconds"].get_default()
    assert pod["terminationGracePeriodSeconds"] > 2 * drain


def _documents(file: Path) -> list[Json]:
    return list(yaml.safe_load_all(file.read_text("utf-8")))
