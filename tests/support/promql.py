"""Whether an alert's expression holds for pages that were scraped: as much PromQL as alerts use.

`increase` and `rate` compare two pages, as if the one had been scraped as long before the other as
the range is. As in Prometheus, a series that only the later page has did not increase.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import promql_parser

from tests.support.metrics_page import MetricsPage

Labels: TypeAlias = frozenset[tuple[str, str]]
Vector: TypeAlias = dict[Labels, float]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
}
_COUNT: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else float("nan"),
}
_AGGREGATE: dict[str, Callable[[Iterable[float]], float]] = {"sum": sum, "max": max, "min": min}


class Evaluator:
    """Evaluates expressions at ``now`` (seconds since the epoch) over pages of all jobs."""

    def __init__(
        self,
        *,
        before: dict[str, MetricsPage],
        after: dict[str, MetricsPage],
        now: float,
        hour: int,
    ) -> None:
        self._before = _series(before)
        self._after = _series(after)
        self._now = now
        self._hour = hour

    def holds(self, expression: str) -> bool:
        """Whether an alert with this expression is active."""
        result = self._of(promql_parser.parse(expression))
        return bool(result) if isinstance(result, dict) else True

    # Expressions are of many types that share no base in the parser's stubs.
    def _of(self, node: Any) -> Vector | float:
        match type(node).__name__:
            case "NumberLiteral":
                return float(node.val)
            case "ParenExpr":
                return self._of(node.expr)
            case "VectorSelector":
                return _select(self._after, node)
            case "AggregateExpr":
                return self._aggregate(node)
            case "BinaryExpr":
                return self._binary(node)
            case "Call":
                return self._call(node)
        raise AssertionError(f"not evaluated here: {type(node).__name__}")

    def _call(self, node: Any) -> Vector | float:
        match node.func.name:
            case "time":
                return self._now
            case "hour":
                return {frozenset(): float(self._hour)}
            case "increase" | "rate":
                selector = node.args[0].vector_selector
                seconds = node.args[0].range.total_seconds() if node.func.name == "rate" else 1
                before = _select(self._before, selector)
                after = _select(self._after, selector)
                return {
                    labels: (value - before.get(labels, value)) / seconds
                    for labels, value in after.items()
                }
        raise AssertionError(f"not evaluated here: {node.func.name}")

    def _aggregate(self, node: Any) -> Vector:
        inner = self._of(node.expr)
        assert isinstance(inner, dict)
        kept = set(node.modifier.labels) if node.modifier else set()
        groups: dict[Labels, list[float]] = {}
        for labels, value in inner.items():
            group = frozenset(pair for pair in labels if pair[0] in kept)
            groups.setdefault(group, []).append(value)
        return {group: _AGGREGATE[str(node.op)](values) for group, values in groups.items()}

    def _binary(self, node: Any) -> Vector | float:
        left, right, op = self._of(node.lhs), self._of(node.rhs), str(node.op)
        if op == "and":
            # Only `and on ()` is used: the whole of the left if there is anything on the right.
            return left if right else {}
        if isinstance(left, float) and isinstance(right, float):
            return _COUNT[op](left, right)
        pairs = _pairs(left, right, alone=node.modifier is not None)
        if op in _COMPARE:
            return {labels: a for labels, a, b in pairs if _COMPARE[op](a, b)}
        return {labels: _COUNT[op](a, b) for labels, a, b in pairs}


def _pairs(
    left: Vector | float, right: Vector | float, *, alone: bool
) -> list[tuple[Labels, float, float]]:
    """What is compared; ``alone``: the right side is one number for all (`on ()`)."""
    if isinstance(left, float):
        assert isinstance(right, dict)
        return [(labels, left, value) for labels, value in right.items()]
    if isinstance(right, float):
        return [(labels, value, right) for labels, value in left.items()]
    if alone:
        return [(labels, value, one) for labels, value in left.items() for one in right.values()]
    return [(labels, value, right[labels]) for labels, value in left.items() if labels in right]


def _series(pages: dict[str, MetricsPage]) -> dict[tuple[str, Labels], float]:
    return {
        (sample.name, frozenset({**sample.labels, "job": job}.items())): sample.value
        for job, page in pages.items()
        for sample in page.samples
    }


def _select(series: dict[tuple[str, Labels], float], node: Any) -> Vector:
    return {
        labels: value
        for (name, labels), value in series.items()
        if name == node.name and all(_fits(dict(labels), each) for each in node.matchers.matchers)
    }


def _fits(labels: dict[str, str], matcher: Any) -> bool:
    value = labels.get(matcher.name, "")
    match str(matcher.op).rpartition(".")[2]:
        case "Equal":
            return value == str(matcher.value)
        case "NotEqual":
            return value != str(matcher.value)
        case "Re":
            return re.fullmatch(matcher.value, value) is not None
    return re.fullmatch(matcher.value, value) is None
