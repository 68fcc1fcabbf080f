"""`audiencectl export`: the members of an audience as a file for spreadsheets."""

import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer
from audience.v1.audiences_pb2 import GetAudienceRequest, StreamProspectsRequest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from clients.audience import AudienceClient
from clients.audiencectl.failures import refuse
from clients.audiencectl.kinds import AUDIENCE, AudienceArgument
from clients.audiencectl.output import counted
from clients.audiencectl.session import ask_audience, session_of
from clients.spreadsheets import MemberWriter
from clients.subscription import stream_prospects

# With a mark, or spreadsheets take it for another encoding.
_ENCODING: Final = "utf-8-sig"
_STDOUT: Final = Path("-")


def export_command(
    ctx: typer.Context,
    audience: AudienceArgument,
    out: Annotated[
        Path, typer.Option(dir_okay=False, help="File to write; an old one goes. - is stdout.")
    ],
) -> None:
    """Write the members of an audience, but for suppressed ones, as CSV that can be imported again.

    No spreadsheet executes what is in it. It holds personal data: only you can read it.
    """
    name = AUDIENCE.name(session_of(ctx), audience)
    try:
        with _whole(out) as file:
            exported = ask_audience(ctx, lambda client: _export(client, name, file))
    except BrokenPipeError:  # Whoever reads has had enough.
        raise
    except OSError as error:
        refuse(f"{out} cannot be written: {error.strerror}.")
    if out != _STDOUT:
        typer.echo(f"Wrote {counted(exported, 'person', 'people')} to {out}.")


async def _export(client: AudienceClient, audience: str, file: TextIO) -> int:
    """Write the members and move a bar; returns how many there were."""
    found = await client.audiences.GetAudience(GetAudienceRequest(name=audience))
    writer = MemberWriter(file)
    exported = 0
    messages = stream_prospects(client.audiences, StreamProspectsRequest(audiences=[audience]))
    with _bar(total=found.audience.progress.members) as bar:
        async with aclosing(messages):
            async for message in messages:
                writer.write(message.members)
                exported += len(message.members)
                bar.advance(bar.task_ids[0], len(message.members))
    return exported


@contextmanager
def _whole(out: Path) -> Generator[TextIO]:
    """A file that takes its place when it is whole, and leaves nothing behind otherwise.

    What is no ordinary file (a pipe, a device) is written to, and not replaced by a file. A link
    stays one, and what it points to is written.
    """
    if out == _STDOUT:
        with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=_ENCODING, newline="") as file:
            yield file
        return
    place = out.resolve()
    if place.exists() and not place.is_file():
        with place.open("w", encoding=_ENCODING, newline="") as file:
            yield file
        return
    descriptor, draft = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding=_ENCODING, newline="") as file:
            yield file
        Path(draft).replace(place)
    finally:
        with suppress(FileNotFoundError):
            Path(draft).unlink()


@contextmanager
def _bar(*, total: int) -> Generator[Progress]:
    """A bar on stderr, and nothing at all where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        progress.add_task("exporting", total=total)
        yield progress
