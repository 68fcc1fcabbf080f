"""Failures as a person reads them: one message on stderr, and an exit status to go by."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, Never

import grpc
import typer

from clients.errors import RpcFailed, SnapshotNeeded

FAILED: Final = 1
USAGE: Final = 2
NOT_REACHABLE: Final = 3

_TRANSPORT = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


def refuse(message: str, *, status: int = FAILED) -> Never:
    """Say what is wrong, and end with this exit status."""
    sys.stderr.write(f"audiencectl: {message}\n")
    raise typer.Exit(status)


@contextmanager
def explained() -> Generator[None]:
    """Turn a failed call into a message and an exit status: 3 not reachable, 1 anything else."""
    try:
        yield
    except RpcFailed as error:
        refuse(describe(error), status=_status(error))
    except TimeoutError as error:
        refuse(f"Gave up waiting: {str(error) or 'no answer'}. Try again.", status=NOT_REACHABLE)


def describe(error: RpcFailed) -> str:
    """Reason, message, the fields to correct, and the next step."""
    if _status(error) == NOT_REACHABLE:
        return (
            f"{error.code().name}: the service does not answer ({error.message}). "
            "Is the stack up? Start it with `audiencectl up`."
        )
    lines = [f"{error.reason or error.code().name}: {error.message}"]
    fields = [f"{each.field}: {each.description}" for each in error.field_violations]
    lines += [f"  {field}" for field in fields if field not in error.message]
    if error.retry_after is not None:
        lines.append(f"  Try again in {in_words(error.retry_after)}.")
    if isinstance(error, SnapshotNeeded):
        lines.append("  Start again with --from snapshot.")
    if error.code() is grpc.StatusCode.UNIMPLEMENTED and not error.reason:
        lines.append("  The server is of another version than this command.")
    return "\n".join(lines)


def in_words(duration: timedelta) -> str:
    """Two units at most, such as `3 h 20 min`."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    words = [f"{count} {unit}" for count, unit in units if count]
    return " ".join(words[:2]) or "0 s"


def _status(error: RpcFailed) -> int:
    # With a reason it is the server that speaks.
    return NOT_REACHABLE if error.code() in _TRANSPORT and not error.reason else FAILED
