"""Eight weeks of many accounts, by seed; afterwards the promises are checked over the history.

A seed fixes what is planned: accounts, people, callers, faults, and after how many calls somebody
dies. What runs side by side is up to the machine, as in production.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.check_events import check_ends, check_order, check_progress
from tests.simulation.check_views import (
    check_books,
    check_caps,
    check_freshness,
    check_viewer_relative,
)
from tests.simulation.forecasts import forecast_errors
from tests.simulation.history import History
from tests.simulation.plan import foretold_plan, rough_plan
from tests.simulation.running import run

Report = Callable[[History], None]
pytestmark = pytest.mark.timeout(600)


def check_all(history: History) -> int:
    """The promises; how many views were made again because the first one was interrupted."""
    check_caps(history)
    check_books(history)
    check_ends(history)
    check_progress(history)
    check_order(history)
    assert check_viewer_relative(history) > 0
    return check_freshness(history)


async def test_when_nothing_goes_wrong_all_is_exact(
    seed: int, tmp_path: Path, report: Report
) -> None:
    history = await run(foretold_plan(seed, faulty=False), folder=tmp_path)
    report(history)
    assert check_all(history) == 0
    errors = forecast_errors(history)
    assert errors
    assert {error.days_late for error in errors} == {0}


async def test_a_forecast_under_faults_is_never_too_late(
    seed: int, tmp_path: Path, report: Report
) -> None:
    history = await run(foretold_plan(seed, faulty=True), folder=tmp_path)
    report(history)
    check_repeats(history)
    # Faults cost days and save none: nothing is done before the earliest day.
    assert min(error.days_late for error in forecast_errors(history)) >= 0


async def test_faults_break_no_promise(seed: int, tmp_path: Path, report: Report) -> None:
    history = await run(rough_plan(seed), folder=tmp_path)
    report(history)
    check_repeats(history)


async def test_killed_processes_are_replaced_within_30_s(
    seed: int, tmp_path: Path, report: Report
) -> None:
    plan = rough_plan(seed, weeks=1, size=12, kills=1, losses=0)
    history = await run(plan, folder=tmp_path, processes=True)
    report(history)
    check_repeats(history)
    assert max(history.recoveries) < 30


def check_repeats(history: History) -> None:
    """The promises; and a fault interrupts as many views as a worker has side by side."""
    assert check_all(history) <= history.faults * len(history.plan.accounts)
