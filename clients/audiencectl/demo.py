"""`audiencectl demo`: the whole job on the stepped clock, watched, checked and summed up."""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console

from clients.audience import AudienceClient
from clients.audiencectl.child import StackError
from clients.audiencectl.demo_check import repeated
from clients.audiencectl.demo_report import Report, make_report
from clients.audiencectl.demo_scenario import Scenario
from clients.audiencectl.failures import FAILED, explained, refuse
from clients.audiencectl.session import AsJson
from clients.audiencectl.signals import run_until_signal
from clients.audiencectl.simulator import Simulator
from clients.audiencectl.stack import SIMULATOR_KEY, StackPlan, running_stack
from clients.enrichment import EnrichmentClient

_LONGEST_SECONDS = 150.0


def demo(as_json: AsJson = False) -> None:
    """Import two files, enrich them with two accounts, follow it live, check the result.

    Takes less than a minute, needs no set-up, leaves nothing behind unless it fails. Exit status 1
    when a rule was broken.
    """
    console = Console(stderr=as_json)
    with _data_directory() as directory:
        reports: list[Report] = []

        async def run() -> None:
            reports.append(await _play_in_time(directory, console))

        try:
            with explained():
                asyncio.run(run_until_signal(run()))
        except StackError as error:
            refuse(str(error), status=FAILED)
        if not reports:
            sys.stderr.write("audiencectl: The demo was ended before it was done.\n")
            raise _EndedByHand(FAILED)
        (report,) = reports
        if as_json:
            sys.stdout.write(report.to_json() + "\n")
        else:
            report.print_to(console)
        if not report.ok:
            raise typer.Exit(FAILED)


class _EndedByHand(typer.Exit):
    """Nothing failed, so there is nothing to look into."""


@contextmanager
def _data_directory() -> Generator[Path]:
    """A directory that stays when the block fails, with a word on where the logs are."""
    directory = Path(tempfile.mkdtemp(prefix="audiencectl-demo-"))
    try:
        yield directory
    except _EndedByHand:
        shutil.rmtree(directory)
        raise
    except BaseException:
        sys.stderr.write(
            f"audiencectl: the data of this run stays in {directory}, the logs in "
            f"{directory / 'logs'}. Delete it when you have seen enough.\n"
        )
        raise
    shutil.rmtree(directory)


async def _play_in_time(directory: Path, console: Console) -> Report:
    try:
        async with asyncio.timeout(_LONGEST_SECONDS) as limit:
            return await _play(directory, console)
    except TimeoutError:
        if not limit.expired():
            raise
        raise StackError(f"The demo was not done within {_LONGEST_SECONDS:.0f} s.") from None


async def _play(directory: Path, console: Console) -> Report:
    began = time.monotonic()
    morning = datetime.now(tz=UTC).replace(hour=9, minute=0, second=0, microsecond=0)
    plan = StackPlan(data_dir=directory, stepped=True, start_time=morning)
    console.print("Starting both services with embedded stores and a simulated LinkedIn …")
    async with running_stack(plan) as stack:
        addresses = stack.addresses
        simulator = Simulator(addresses.simulator, key=SIMULATOR_KEY)
        async with (
            AudienceClient(addresses.audience) as audience,
            EnrichmentClient(addresses.enrichment) as enrichment,
        ):
            scenario = Scenario(audience=audience, enrichment=enrichment, simulator=simulator)
            runs = await scenario.play(console)
        views = await simulator.views()
        again = repeated(views)
        nameless = {person for person in again if not await simulator.gives_names(person)}
    return make_report(
        runs, views, again=again, nameless=nameless, seconds=time.monotonic() - began
    )
