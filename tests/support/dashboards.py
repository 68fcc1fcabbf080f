"""The alerts and dashboards that are delivered, and what their expressions name."""

import json
from pathlib import Path
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))


def alerts() -> dict[str, dict[str, Any]]:
    """Alerting rules by name."""
    document = yaml.safe_load(ALERTS.read_text("utf-8"))
    return {rule["alert"]: rule for group in document["groups"] for rule in group["rules"]}


def dashboard(file: Path) -> dict[str, Any]:
    """A dashboard as Grafana reads it."""
    document: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return document


def expressions() -> dict[str, str]:
    """Every expression, by where it stands."""
    found = {name: str(rule["expr"]) for name, rule in alerts().items()}
    for file in DASHBOARDS:
        for panel in dashboard(file)["panels"]:
            for target in panel.get("targets", []):
                found[f"{file.name}: {panel['title']}: {target['refId']}"] = target["expr"]
    return found


def selectors(expression: str) -> list[Any]:
    """All selectors of series in an expression."""
    found: list[Any] = []

    def look(node: Any) -> None:
        kind = type(node).__name__
        if kind == "VectorSelector":
            found.append(node)
        elif kind == "MatrixSelector":
            found.append(node.vector_selector)
        for name in ("lhs", "rhs", "expr", "param"):
            inner = getattr(node, name, None)
            if inner is not None:
                look(inner)
        for argument in getattr(node, "args", None) or []:
            look(argument)

    look(promql_parser.parse(expression))
    return found
