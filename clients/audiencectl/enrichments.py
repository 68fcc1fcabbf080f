"""`audiencectl enrichment`: profiles that an account is to view, and how far it has come."""

from datetime import timedelta
from typing import Annotated

import typer
from enrichment.v1.enrichments_pb2 import (
    CancelEnrichmentRequest,
    CreateEnrichmentRequest,
    Enrichment,
    EnrichmentState,
    ExplainEnrichmentRequest,
    ExplainEnrichmentResponse,
    GetEnrichmentRequest,
    ListEnrichmentsRequest,
    ListEnrichmentsResponse,
    PauseEnrichmentRequest,
    ProfileState,
    ResumeEnrichmentRequest,
    RetryFailedProfilesRequest,
    WaitReason,
)
from rich.console import RenderableType

from clients.audiencectl.kinds import ACCOUNT, ENRICHMENT, PROFILE, EnrichmentArgument
from clients.audiencectl.output import (
    fields_of,
    forecast_in_words,
    pause_in_words,
    short,
    show,
    table_of,
    when,
    word,
)
from clients.audiencectl.resources import Verbs, list_all
from clients.audiencectl.session import AsJson, ask_enrichment, session_of
from clients.audiencectl.submissions import submit, withdraw

app = typer.Typer(no_args_is_help=True, help="Profiles that an account is to view.")
app.command()(submit)
app.command()(withdraw)


@app.command()
def create(
    ctx: typer.Context,
    enrichment: EnrichmentArgument,
    account: Annotated[str, ACCOUNT.option("Account that views the profiles.")],
    display_name: Annotated[str, typer.Option(help="A name for people.")] = "",
    max_age_days: Annotated[
        int | None, typer.Option(help="View again what is older; 30 without it.")
    ] = None,
    request_id: Annotated[str, typer.Option(help="Makes the call repeatable.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create an enrichment to submit profiles to."""
    session = session_of(ctx)
    wanted = Enrichment(account=ACCOUNT.name(session, account), display_name=display_name)
    if max_age_days is not None:
        wanted.max_age.FromTimedelta(timedelta(days=max_age_days))
    request = CreateEnrichmentRequest(
        parent=session.parent, enrichment_id=enrichment, enrichment=wanted, request_id=request_id
    )
    answer = ask_enrichment(ctx, lambda client: client.enrichments.CreateEnrichment(request))
    show(answer, as_json=as_json, table=lambda: enrichment_fields(answer.enrichment))


@app.command()
def explain(
    ctx: typer.Context,
    enrichment: EnrichmentArgument,
    profile: Annotated[str | None, PROFILE.option("What about this one?")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what an enrichment, or one of its profiles, waits for."""
    session = session_of(ctx)
    request = ExplainEnrichmentRequest(
        name=ENRICHMENT.name(session, enrichment),
        profile=PROFILE.name(session, profile) if profile else "",
    )
    answer = ask_enrichment(ctx, lambda client: client.enrichments.ExplainEnrichment(request))
    show(answer, as_json=as_json, table=lambda: explanation_fields(answer))


def enrichment_fields(enrichment: Enrichment) -> RenderableType:
    """One enrichment, a field a line."""
    progress = enrichment.progress
    pairs: list[tuple[str, object]] = [
        ("name", enrichment.name),
        ("display name", enrichment.display_name),
        ("account", enrichment.account),
        ("state", _enrichment_state(enrichment)),
        ("profiles", progress.total),
        ("enriched by view", progress.enriched),
        ("from cache", progress.cached),
        ("partial", progress.partial),
        ("failed", progress.failed),
        ("pending", progress.pending),
        ("withdrawn", progress.withdrawn),
        ("erased", progress.erased),
        ("pause", pause_in_words(enrichment.pause)),
        ("forecast", forecast_in_words(enrichment.forecast)),
        ("created", when(enrichment.create_time)),
    ]
    return fields_of((label, value) for label, value in pairs if value != "")


def enrichment_table(answer: ListEnrichmentsResponse) -> RenderableType:
    """Enrichments, one a line."""
    columns = ("enrichment", "account", "state", "done", "failed", "pending", "pause")
    return table_of(
        columns,
        [
            (
                short(each.name),
                short(each.account),
                _enrichment_state(each),
                each.progress.enriched + each.progress.cached + each.progress.partial,
                each.progress.failed,
                each.progress.pending,
                pause_in_words(each.pause),
            )
            for each in answer.enrichments
        ],
    )


def explanation_fields(answer: ExplainEnrichmentResponse) -> RenderableType:
    """What it waits for, a field a line."""
    pairs: list[tuple[str, object]] = [
        ("pause", pause_in_words(answer.pause)),
        ("next tick", when(answer.next_tick_time)),
    ]
    if answer.profile_state:
        pairs.append(("profile", word("PROFILE_STATE", ProfileState.Name(answer.profile_state))))
        pairs.append(("attempts", answer.attempts))
    if answer.wait_reason:
        pairs.append(("waits for", word("WAIT_REASON", WaitReason.Name(answer.wait_reason))))
    pairs += [
        ("retried", when(answer.retry_time)),
        ("since", when(answer.since_time)),
        ("until", when(answer.until_time)),
    ]
    return fields_of((label, value) for label, value in pairs if value != "")


def _enrichment_state(enrichment: Enrichment) -> str:
    return word("ENRICHMENT_STATE", EnrichmentState.Name(enrichment.state))


list_all(
    app,
    "List the workspace's enrichments.",
    ask=ask_enrichment,
    call=lambda client, page: client.enrichments.ListEnrichments(
        ListEnrichmentsRequest(parent=page.parent, page_size=page.size, page_token=page.token)
    ),
    table=enrichment_table,
)
verbs = Verbs(app, ENRICHMENT, ask=ask_enrichment, table=enrichment_fields)
verbs.add(
    "get",
    "Show one enrichment with progress and forecast.",
    lambda client, name: client.enrichments.GetEnrichment(GetEnrichmentRequest(name=name)),
)
verbs.add(
    "pause",
    "Stop the views for an enrichment until it is resumed.",
    lambda client, name: client.enrichments.PauseEnrichment(PauseEnrichmentRequest(name=name)),
)
verbs.add(
    "resume",
    "End a pause.",
    lambda client, name: client.enrichments.ResumeEnrichment(ResumeEnrichmentRequest(name=name)),
)
verbs.add(
    "cancel",
    "End an enrichment for good; what it has found stays.",
    lambda client, name: client.enrichments.CancelEnrichment(CancelEnrichmentRequest(name=name)),
)
verbs.add(
    "retry",
    "Try the profiles again that failed.",
    lambda client, name: client.enrichments.RetryFailedProfiles(
        RetryFailedProfilesRequest(name=name)
    ),
)
