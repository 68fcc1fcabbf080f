"""`audiencectl enrichment submit` and `withdraw`: any number of profiles, 500 a call."""

from collections import Counter
from typing import Annotated

import typer
from enrichment.v1.enrichments_pb2 import (
    ProfileState,
    ProfileSubmission,
    SubmitProfilesRequest,
    WithdrawProfilesRequest,
)
from rich.console import Console

from clients.audiencectl.batches import FileOption, batched, counting, values_of
from clients.audiencectl.kinds import ENRICHMENT, PROFILE, EnrichmentArgument
from clients.audiencectl.output import fields_of, print_json, word
from clients.audiencectl.session import AsJson, ask_enrichment, session_of
from clients.enrichment import EnrichmentClient


def submit(
    ctx: typer.Context,
    enrichment: EnrichmentArgument,
    profiles: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROFILE",
            help="Vanities or ids; several of one person with commas, a reference after a space.",
        ),
    ] = None,
    file: FileOption = None,
    as_json: AsJson = False,
) -> None:
    """Submit people to be viewed. What the cache knows is answered at once, and costs nothing.

    With --json one response a line, for at most 500 people each.
    """
    name = ENRICHMENT.name(session_of(ctx), enrichment)
    lines = values_of(profiles, file, what="people")

    async def send(client: EnrichmentClient) -> Counter[str]:
        states: Counter[str] = Counter()
        with counting("submitted") as counted:
            for batch in batched(map(_submission, lines)):
                request = SubmitProfilesRequest(name=name, profiles=batch)
                answer = await client.enrichments.SubmitProfiles(request)
                if as_json:
                    print_json(answer, indent=None)
                states.update(_state_word(each.state) for each in answer.profiles)
                counted.add(len(batch))
        return states

    states = ask_enrichment(ctx, send)
    if not as_json:
        Console().print(fields_of(states.items(), title=f"Submitted {states.total():,}"))


def withdraw(
    ctx: typer.Context,
    enrichment: EnrichmentArgument,
    profiles: Annotated[
        list[str] | None, typer.Argument(metavar="PROFILE", help="Ids or full names.")
    ] = None,
    file: FileOption = None,
    as_json: AsJson = False,
) -> None:
    """Take out profiles that are no longer wanted. With --json one response a line."""
    session = session_of(ctx)
    lines = values_of(profiles, file, what="profiles")

    async def send(client: EnrichmentClient) -> int:
        withdrawn = 0
        with counting("withdrawn") as counted:
            for batch in batched(PROFILE.name(session, each) for each in lines):
                request = WithdrawProfilesRequest(
                    name=ENRICHMENT.name(session, enrichment), profiles=batch
                )
                answer = await client.enrichments.WithdrawProfiles(request)
                if as_json:
                    print_json(answer, indent=None)
                withdrawn += answer.withdrawn_count
                counted.add(len(batch))
        return withdrawn

    withdrawn = ask_enrichment(ctx, send)
    if not as_json:
        Console().print(f"Withdrew {withdrawn:,}.")


def _submission(line: str) -> ProfileSubmission:
    identifiers, _, reference = line.partition(" ")
    return ProfileSubmission(identifiers=identifiers.split(","), reference=reference.strip())


def _state_word(state: "ProfileState.ValueType") -> str:
    return word("PROFILE_STATE", ProfileState.Name(state))
