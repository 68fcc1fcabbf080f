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
NOT_FOUND: Final = 4
EXHAUSTED: Final = 5
DENIED: Final = 6
CONFLICT: Final = 7
CURSOR_LOST: Final = 8
INTERRUPTED: Final = 130

EXIT_STATUSES: Final = {
    0: "done",
    FAILED: "failed, for a reason that has no number of its own",
    USAGE: "wrong usage: the command line, or a value that the service refuses as invalid",
    NOT_REACHABLE: "the service cannot be reached, or cannot answer now: try again",
    NOT_FOUND: "there is nothing of that name",
    EXHAUSTED: "the view budget or a quota is used up: try again when the message says",
    DENIED: "not signed in, or not allowed",
    CONFLICT: "things are in another state than the command needs: the message says which",
    CURSOR_LOST: "the cursor is older than the event log, or the log was lost: take a snapshot",
    INTERRUPTED: "ended by Ctrl-C before it was done",
}
"""What each exit status means."""

_STATUS_OF_CODE: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: USAGE,
    grpc.StatusCode.UNAVAILABLE: NOT_REACHABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: NOT_REACHABLE,
    grpc.StatusCode.NOT_FOUND: NOT_FOUND,
    grpc.StatusCode.RESOURCE_EXHAUSTED: EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED: DENIED,
    grpc.StatusCode.PERMISSION_DENIED: DENIED,
    grpc.StatusCode.ALREADY_EXISTS: CONFLICT,
    grpc.StatusCode.FAILED_PRECONDITION: CONFLICT,
    grpc.StatusCode.ABORTED: CONFLICT,
    grpc.StatusCode.OUT_OF_RANGE: CURSOR_LOST,
}


def refuse(message: str, *, status: int = FAILED) -> Never:
    """Say what is wrong, and end with this exit status."""
    sys.stderr.write(f"audiencectl: {message}\n")
    raise typer.Exit(status)


@contextmanager
def explained() -> Generator[None]:
    """Turn a failed call, a time that ran out or Ctrl-C into a message and an exit status."""
    try:
        yield
    except RpcFailed as error:
        refuse(describe(error), status=status_of(error))
    except TimeoutError as error:
        refuse(f"Gave up waiting: {str(error) or 'no answer'}. Try again.", status=NOT_REACHABLE)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def until_interrupted(*, endless: bool) -> Generator[None]:
    """Ctrl-C is the ordinary end of something endless; what has an end was broken off."""
    try:
        yield
    except typer.Exit as end:
        if end.exit_code != INTERRUPTED or not endless:
            raise


def describe(error: RpcFailed) -> str:
    """Reason, message, the fields to correct, and the next step."""
    if status_of(error) == NOT_REACHABLE and not error.reason:
        return (
            f"{error.code().name}: the service does not answer ({error.message}). "
            "Is the stack up? Start it with `audiencectl up`, or look with `audiencectl doctor`."
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


def status_of(error: RpcFailed) -> int:
    """The exit status of a failed call."""
    return _STATUS_OF_CODE.get(error.code(), FAILED)
