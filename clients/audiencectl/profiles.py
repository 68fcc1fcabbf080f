"""`audiencectl profile`: what the enrichment service knows of people, and forgetting it."""

from typing import Annotated

import typer
from enrichment.v1.enrichments_pb2 import (
    BatchGetProfilesRequest,
    BatchGetProfilesResponse,
    EraseProfileRequest,
)
from enrichment.v1.profiles_pb2 import ConnectionDegree
from rich.console import RenderableType

from clients.audiencectl.erasure import Yes, make_sure
from clients.audiencectl.kinds import ACCOUNT, PROFILE
from clients.audiencectl.output import short, show, table_of, when, word
from clients.audiencectl.session import AsJson, ask_enrichment, session_of

app = typer.Typer(no_args_is_help=True, help="What is known of people who were viewed.")


@app.command()
def get(
    ctx: typer.Context,
    profiles: Annotated[list[str], typer.Argument(metavar="PROFILE", help="Ids or full names.")],
    account: Annotated[
        str | None, ACCOUNT.option("With what this account alone sees, such as the degree.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show profiles (500 at most)."""
    session = session_of(ctx)
    request = BatchGetProfilesRequest(
        parent=session.parent,
        names=[PROFILE.name(session, each) for each in profiles],
        account=ACCOUNT.name(session, account) if account else "",
    )
    answer = ask_enrichment(ctx, lambda client: client.enrichments.BatchGetProfiles(request))
    show(answer, as_json=as_json, table=lambda: _table(answer))


@app.command()
def erase(
    ctx: typer.Context,
    identifiers: Annotated[
        list[str],
        typer.Argument(metavar="IDENTIFIER", help="All ids and vanities known of the person."),
    ],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Forget a person in the enrichment service for good; use `prospect erase` for all."""
    make_sure("Erasing a person", yes=yes)
    request = EraseProfileRequest(parent=session_of(ctx).parent, identifiers=identifiers)
    answer = ask_enrichment(ctx, lambda client: client.enrichments.EraseProfile(request))
    show(answer, as_json=as_json, table=lambda: "Erased.")


def _table(answer: BatchGetProfilesResponse) -> RenderableType:
    columns = ("profile", "first name", "last name", "company", "title", "degree", "fresh until")
    return table_of(
        columns,
        [
            (
                short(each.name),
                each.first_name,
                each.last_name,
                each.company,
                each.title,
                _degree(each.connection_degree),
                when(each.fresh_until_time),
            )
            for each in answer.profiles
        ],
    )


def _degree(degree: "ConnectionDegree.ValueType") -> str:
    return word("CONNECTION_DEGREE", ConnectionDegree.Name(degree)) if degree else ""
