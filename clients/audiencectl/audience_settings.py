"""`audiencectl audience list` and `audiencectl audience update`: filters, settings and labels."""

from typing import Annotated

import typer
from audience.v1.audiences_pb2 import Audience, ListAudiencesRequest, UpdateAudienceRequest

from clients.audiencectl.account_check import warn_unless_linked
from clients.audiencectl.audience_tables import audience_fields, audience_table
from clients.audiencectl.kinds import ACCOUNT, AUDIENCE, AudienceArgument
from clients.audiencectl.output import show
from clients.audiencectl.resources import Etag, Limit, PageToken, changed, show_pages
from clients.audiencectl.session import AsJson, ask_audience, session_of


def list_audiences(
    ctx: typer.Context,
    filter_text: Annotated[
        str, typer.Option("--filter", help='Such as labels.team = "sales" AND state = READY.')
    ] = "",
    order_by: Annotated[
        str, typer.Option(help="name, display_name, create_time or update_time; desc behind it.")
    ] = "",
    show_deleted: Annotated[
        bool, typer.Option("--show-deleted", help="Deleted ones, too.")
    ] = False,
    limit: Limit = 100,
    page_token: PageToken = "",
    as_json: AsJson = False,
) -> None:
    """List the workspace's audiences."""
    show_pages(
        ctx,
        ask_audience,
        lambda client, page: client.audiences.ListAudiences(
            ListAudiencesRequest(
                parent=page.parent,
                page_size=page.size,
                page_token=page.token,
                filter=filter_text,
                order_by=order_by,
                show_deleted=show_deleted,
            )
        ),
        table=audience_table,
        limit=limit,
        page_token=page_token,
        as_json=as_json,
    )


def update(
    ctx: typer.Context,
    audience: AudienceArgument,
    account: Annotated[str | None, ACCOUNT.option("Account that enriches it.")] = None,
    display_name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE, or KEY to take it off; repeatable.")
    ] = None,
    etag: Etag = "",
    as_json: AsJson = False,
) -> None:
    """Change what is given, and leave the rest."""
    session = session_of(ctx)
    labels = [each.partition("=") for each in label or ()]
    request = UpdateAudienceRequest(
        audience=Audience(
            name=AUDIENCE.name(session, audience),
            account=ACCOUNT.name(session, account) if account else "",
            display_name=display_name or "",
            description=description or "",
            labels={key: value for key, sign, value in labels if sign},
            etag=etag,
        ),
        update_mask=changed(
            account=account,
            display_name=display_name,
            description=description,
            **{f"labels.{key}": key for key, _, _ in labels},
        ),
    )
    answer = ask_audience(ctx, lambda client: client.audiences.UpdateAudience(request))
    show(answer, as_json=as_json, table=lambda: audience_fields(answer.audience))
    if account:
        warn_unless_linked(ctx, answer.audience.account)
