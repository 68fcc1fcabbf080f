"""The page on the contract names every service, and every reason that an error may have."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / name for name in ("contract.md", "security.md")]
_PACKAGES = ("servicekit", "audience_service", "enrichment_service")
_MAKERS = {
    "ServiceError",
    "aborted",
    "failed_precondition",
    "invalid_argument",
    "out_of_range",
    "resource_exhausted",
    "unavailable",
}
_REASON = re.compile(r"[A-Z]+(_[A-Z]+)+")


def test_every_reason_is_explained() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    reasons = {
        reason
        for package in _PACKAGES
        for file in (ROOT / package).rglob("*.py")
        for reason in _reasons(file)
    }
    assert len(reasons) > 20
    assert sorted(reason for reason in reasons if f"`{reason}`" not in text) == []


def test_every_service_is_listed() -> None:
    text = PAGES[0].read_text("utf-8")
    for file in (ROOT / "protos").glob("*/v1/*.proto"):
        for service in re.findall(r"^service (\w+)", file.read_text("utf-8"), re.MULTILINE):
            assert service in text


def _reasons(file: Path) -> list[str]:
    """What errors are made with, as constants."""
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or _name(node.func) not in _MAKERS:
            continue
        given = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "reason")]
        found += [
            each.value
            for each in given
            if isinstance(each, ast.Constant)
            and isinstance(each.value, str)
            and _REASON.fullmatch(each.value)
        ]
    return found


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
