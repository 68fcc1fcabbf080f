"""`audiencectl clock`: the stepped clock of a stack that was started with one."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from clients.audiencectl.data_dir import CLOCK_FILE
from clients.audiencectl.failures import USAGE, refuse
from clients.audiencectl.session import AsJson, session_of
from servicekit.clock import SteppedClock

app = typer.Typer(no_args_is_help=True, help="The stepped clock of a stack that has one.")

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d+)([smhdw])")


@app.command("show")
def show_time(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show what time it is in the stack."""
    _print(_open(session_of(ctx).data_dir).now_ms(), as_json=as_json)


@app.command()
def advance(
    ctx: typer.Context,
    duration: Annotated[str, typer.Argument(help="For example 90s, 15m, 3h, 1d or 2w.")],
    as_json: AsJson = False,
) -> None:
    """Move the clock forward."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        refuse(f"{duration}: write it like 90s, 15m, 3h, 1d or 2w.", status=USAGE)
    step = timedelta(**{_UNITS[found[2]]: int(found[1])})
    clock = _open(session_of(ctx).data_dir)
    _print(clock.advance_by(round(step.total_seconds() * 1000)), as_json=as_json)


def _open(data_dir: Path) -> SteppedClock:
    try:
        return SteppedClock(data_dir / CLOCK_FILE)
    except FileNotFoundError:
        refuse(
            f"There is no stepped clock in {data_dir}. Start a stack with `audiencectl up "
            "--stepped-clock`, or give its --data-dir.",
            status=USAGE,
        )


def _print(now_ms: int, *, as_json: bool) -> None:
    now = datetime.fromtimestamp(now_ms / 1000, tz=UTC).isoformat(timespec="milliseconds")
    now = now.replace("+00:00", "Z")
    sys.stdout.write((json.dumps({"now": now}) if as_json else now) + "\n")
