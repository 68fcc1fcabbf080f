"""`audiencectl import`: a file of people into an audience."""

import sys
import uuid
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from audience.v1.audiences_pb2 import (
    GetImportReceiptRequest,
    GetImportReceiptResponse,
    ImportPhase,
    ImportProgress,
    ImportReceipt,
)
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from clients.audience import AudienceClient
from clients.audiencectl.failures import INTERRUPTED, NOT_REACHABLE
from clients.audiencectl.kinds import AUDIENCE
from clients.audiencectl.output import show, word
from clients.audiencectl.receipts import receipt_tables
from clients.audiencectl.session import AsJson, ask_audience, session_of
from clients.imports import import_file

_LARGEST_PAGE = 1000


def import_command(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or a list.")
    ],
    audience: Annotated[str, AUDIENCE.option("Audience to add them to.")],
    request_id: Annotated[
        str | None, typer.Option(help="Go on with an import that was broken off.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read it; no change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a file of people: Connections.csv, a Sales Navigator export, or profile URLs."""
    name = AUDIENCE.name(session_of(ctx), audience)
    request = request_id or uuid.uuid4().hex

    async def run(client: AudienceClient) -> GetImportReceiptResponse:
        with file.open("rb") as content, progress_bar(file.name) as advance:
            receipt = await import_with_progress(
                client, content, audience=name, request_id=request, dry_run=dry_run, advance=advance
            )
        if dry_run:
            return GetImportReceiptResponse(receipt=receipt)
        return await client.audiences.GetImportReceipt(
            GetImportReceiptRequest(audience=name, request_id=request, page_size=_LARGEST_PAGE)
        )

    try:
        answer = ask_audience(ctx, run)
    except typer.Exit as end:
        # A file that was refused is refused again; a break is gone on from.
        if end.exit_code in (NOT_REACHABLE, INTERRUPTED):
            sys.stderr.write(f"  Go on with it: --request-id {request}\n")
        raise
    show(answer, as_json=as_json, table=lambda: receipt_tables(answer))


class Advance:
    """Moves a progress bar; one that is not shown moves nothing."""

    def __init__(self, progress: Progress, label: str) -> None:
        self._progress = progress
        self._label = label
        self._task = progress.add_task(label, total=None)

    def __call__(self, news: ImportProgress, *, size: int) -> None:
        """Show how far the import has come; ``size`` is the file's, in bytes."""
        phase = word("IMPORT_PHASE", ImportPhase.Name(news.phase))
        by_rows = bool(news.rows)
        self._progress.update(
            self._task,
            description=f"{self._label}: {phase}",
            completed=news.applied_rows if by_rows else news.received_bytes,
            total=news.rows if by_rows else size,
        )


@contextmanager
def progress_bar(label: str) -> Generator[Advance]:
    """A bar on stderr, and nothing at all where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Advance(progress, label)


async def import_with_progress(
    client: AudienceClient,
    file: BinaryIO,
    *,
    audience: str,
    request_id: str,
    dry_run: bool = False,
    advance: Advance,
) -> ImportReceipt:
    """Import the file and move the bar; gives the receipt."""
    size = file.seek(0, 2)
    answers = import_file(
        client.audiences, file, audience=audience, request_id=request_id, validate_only=dry_run
    )
    async with aclosing(answers):
        async for answer in answers:
            if isinstance(answer, ImportReceipt):
                return answer
            advance(answer, size=size)
    raise RuntimeError("an import ends with its receipt")
