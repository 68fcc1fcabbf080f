"""Which seeds are run, and what is said about them at the end."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.simulation.forecasts import Error, forecast_errors, table, write_errors
from tests.simulation.history import History

_FEW = [1]
"""Whichever are quick: `make test` is to take minutes."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seeds 50` runs the seeds 0 to 49, `--seed 37` that one alone."""
    group = parser.getgroup("simulation")
    group.addoption("--seeds", type=int, help="simulate the seeds 0 to N-1")
    group.addoption("--seed", type=int, action="append", help="simulate this seed only")
    group.addoption(
        "--forecasts",
        type=Path,
        metavar="FOLDER",
        help="keep there how far forecasts were out, a file for each simulation; "
        "python -m tests.simulation.forecasts FOLDER sums them",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The seed is part of the test's name."""
    if "seed" in metafunc.fixturenames:
        # Without a path of this folder on the command line there are no options.
        chosen = metafunc.config.getoption("--seed", default=None)
        count = metafunc.config.getoption("--seeds", default=None)
        metafunc.parametrize("seed", chosen or (_FEW if count is None else list(range(count))))


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[History], None]:
    """Keeps for the end of the run what a history holds."""

    def write(history: History) -> None:
        slowest = max(history.recoveries, default=0.0)
        line = (
            f"{request.node.name}: {len(history.views)} views, {len(history.events)} events, "
            f"{history.faults} faults, slowest recovery {slowest:.1f} s"
        )
        errors = forecast_errors(history)
        folder: Path | None = request.config.getoption("--forecasts", default=None)
        if folder is not None and errors:
            write_errors(errors, folder=folder, name=request.node.name)
        # Properties of a test's report reach the end of the run from every process of xdist.
        request.node.user_properties.append(
            ("simulation", {"line": line, "errors": [*map(asdict, errors)]})
        )

    return write


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The seeds, and how far forecasts were from what came about."""
    told = [
        value
        for outcome in ("passed", "failed")
        for each in terminalreporter.stats.get(outcome, ())
        for name, value in each.user_properties
        if name == "simulation"
    ]
    if not told:
        return
    terminalreporter.section("simulation")
    for line in sorted(each["line"] for each in told):
        terminalreporter.write_line(line)
    errors = [Error(**error) for each in told for error in each["errors"]]
    for line in table(errors) if errors else ():
        terminalreporter.write_line(line)
