"""The contract: clean by Buf's rules, generated code as committed, and what is still missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from audience_service.servicers.audience_counts import AudienceCountServicer
from audience_service.servicers.audiences import AudienceServicer
from audience_service.servicers.prospects import ProspectServicer
from audience_service.servicers.suppressions import SuppressionServicer
from enrichment_service.servicers.accounts import AccountServicer
from enrichment_service.servicers.enrichments import EnrichmentServicer
from enrichment_service.servicers.events import EventServicer
from enrichment_service.servicers.view_budgets import ViewBudgetServicer
from tests.support.partial_servicers import missing_methods

ROOT = Path(__file__).parents[2]
BUF = Path(sys.executable).with_name("buf")

# Methods that answer UNIMPLEMENTED. The list may only shrink: take out what you have built.
MISSING: set[str] = set()


def test_generated_code_is_what_the_protos_give(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "protos.generate", "--output", str(tmp_path)], check=True, cwd=ROOT
    )
    generated = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.py*")}
    committed = {
        path.relative_to(ROOT / "protos"): path.read_bytes()
        for path in (ROOT / "protos").rglob("*_pb2*.py*")
        if "__pycache__" not in path.parts
    }
    assert generated.keys() == committed.keys()
    stale = [str(path) for path in generated if generated[path] != committed[path]]
    assert not stale, f"run `make protos`: {stale}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["lint"],
        [
            "format",
            "--path",
            "protos/enrichment",
            "--path",
            "protos/audience",
            "--diff",
            "--exit-code",
        ],
    ],
    ids=["lint", "format"],
)
def test_buf_finds_nothing(arguments: list[str]) -> None:
    result = subprocess.run(
        [BUF, *arguments], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_missing_methods_are_listed() -> None:
    servicers: list[type[object]] = [
        AccountServicer,
        ViewBudgetServicer,
        EnrichmentServicer,
        EventServicer,
        AudienceServicer,
        ProspectServicer,
        SuppressionServicer,
        AudienceCountServicer,
    ]
    # The look is at the class alone, so nothing has to be put together for it.
    found = {name for kind in servicers for name in missing_methods(object.__new__(kind))}
    assert found == MISSING
