"""Warnings and errors are counted by name, and what other libraries say stays out of the labels."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from servicekit.log_metrics import LogMetrics
from servicekit.logs import configure_logging
from servicekit.metrics import Metrics


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    handlers, level = logging.root.handlers[:], logging.root.level
    metrics = Metrics()
    configure_logging(service="probe", level="info", log_format="json", count=LogMetrics(metrics))
    yield metrics
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


def test_lines_are_counted_by_event_and_work(metrics: Metrics) -> None:
    log = structlog.get_logger("probe")
    log.info("quiet")
    log.warning("round_failed", work="linking")
    log.warning("round_failed", work="linking")
    log.error("key_refused")
    logging.getLogger("library").error("Ada Lovelace could not be found")
    assert _counts(metrics) == {
        ("warning", "round_failed", "linking"): 2,
        ("error", "key_refused", ""): 1,
        ("error", "other", ""): 1,
    }


def test_too_many_names_end_in_one(metrics: Metrics) -> None:
    log = structlog.get_logger("probe")
    for number in range(300):
        log.warning(f"event_{number}")
    counts = _counts(metrics)
    assert len(counts) == 201
    assert counts["warning", "other", ""] == 100


def _counts(metrics: Metrics) -> dict[tuple[str, str, str], float]:
    return {
        (sample.labels["level"], sample.labels["event"], sample.labels["work"]): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "service_log_events_total"
    }
