"""`audiencectl audience receipt`: what became of the rows of an imported file."""

from enum import StrEnum
from typing import Annotated, Final

import typer
from audience.v1.audiences_pb2 import GetImportReceiptRequest, GetImportReceiptResponse, RowClass
from rich.console import Group, RenderableType

from clients.audience import AudienceClient
from clients.audiencectl.kinds import AUDIENCE, AudienceArgument
from clients.audiencectl.output import fields_of, short, table_of, word
from clients.audiencectl.resources import Limit, Page, PageToken, show_pages
from clients.audiencectl.session import AsJson, ask_audience, session_of

_SHOWN_ROWS: Final = 20


class Row(StrEnum):
    """What can become of a row."""

    ADDED = "added"
    ALREADY_THERE = "already-there"
    MERGED = "merged"
    NO_PROFILE = "no-profile"
    SUPPRESSED = "suppressed"
    ERASED = "erased"
    REJECTED = "rejected"


def receipt(
    ctx: typer.Context,
    audience: AudienceArgument,
    request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID", help="The import's.")],
    row: Annotated[
        list[Row] | None, typer.Option(help="Only rows that became this; repeatable.")
    ] = None,
    limit: Limit = 100,
    page_token: PageToken = "",
    as_json: AsJson = False,
) -> None:
    """Show the receipt of an earlier import again, with its rows."""
    request = GetImportReceiptRequest(
        audience=AUDIENCE.name(session_of(ctx), audience),
        request_id=request_id,
        row_classes=[RowClass.Value(f"ROW_CLASS_{each.name}") for each in row or ()],
    )

    async def call(client: AudienceClient, page: Page) -> GetImportReceiptResponse:
        request.page_size, request.page_token = page.size, page.token
        return await client.audiences.GetImportReceipt(request)

    show_pages(
        ctx,
        ask_audience,
        call,
        table=receipt_tables,
        limit=limit,
        page_token=page_token,
        as_json=as_json,
    )


def receipt_tables(answer: GetImportReceiptResponse) -> RenderableType:
    """What became of the rows, and the numbers of those that added nobody."""
    receipt = answer.receipt
    counts = fields_of(
        [
            ("format", receipt.format),
            ("rows", receipt.rows),
            ("added", receipt.added),
            ("already there", receipt.already_there),
            ("merged", receipt.merged),
            ("without a profile", receipt.no_profile),
            ("suppressed", receipt.suppressed),
            ("erased", receipt.erased),
            ("rejected", receipt.rejected),
        ]
    )
    if not answer.rows:
        return counts
    rows = [
        (each.row, word("ROW_CLASS", RowClass.Name(each.row_class)), each.reason)
        for each in answer.rows[:_SHOWN_ROWS]
    ]
    listed = table_of(("row", "became", "reason"), rows)
    if len(answer.rows) <= _SHOWN_ROWS and not answer.next_page_token:
        return Group(counts, listed)
    more = f"All rows: audiencectl audience receipt {short(receipt.audience)} {receipt.request_id}"
    return Group(counts, listed, f"{more} --json")
