"""`audiencectl count`: how many LinkedIn members fit targeting criteria."""

import re
from typing import Annotated

import typer
from audience.v1.audience_counts_pb2 import (
    GetAudienceCountRequest,
    TargetingClause,
    TargetingCriteria,
    TargetingFacet,
)

from clients.audiencectl.failures import USAGE, refuse
from clients.audiencectl.output import fields_of, show
from clients.audiencectl.session import AsJson, ask_audience

_FACET = "urn:li:adTargetingFacet:"
# URNs have commas of their own: urn:li:staffCountRange:(51,200).
_BETWEEN_URNS = re.compile(r",(?=urn:li:)")


def count(
    ctx: typer.Context,
    token: Annotated[
        str,
        typer.Option(envvar="LINKEDIN_TOKEN", help="The caller's 3-legged LinkedIn token."),
    ],
    include: Annotated[
        list[str],
        typer.Option(help="FACET=URN[,URN…], any of the URNs; repeated ones must all fit."),
    ],
    exclude: Annotated[
        list[str] | None, typer.Option(help="FACET=URN[,URN…]; none of them may fit.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count members, for example --include skills=urn:li:skill:17."""
    request = GetAudienceCountRequest(
        criteria=TargetingCriteria(
            include=[TargetingClause(any_of=[_facet(each)]) for each in include],
            exclude=[_facet(each) for each in exclude or ()],
        )
    )
    metadata = (("linkedin-token", token),)
    answer = ask_audience(
        ctx, lambda client: client.counts.GetAudienceCount(request, metadata=metadata)
    )
    total = "fewer than 300, or unknown" if answer.below_minimum else answer.total
    show(
        answer,
        as_json=as_json,
        table=lambda: fields_of([("members", total), ("active", answer.active)]),
    )


def _facet(text: str) -> TargetingFacet:
    facet, equals, values = text.partition("=")
    if not equals or not values:
        refuse(f"{text}: write it like skills=urn:li:skill:17,urn:li:skill:18", status=USAGE)
    return TargetingFacet(
        facet=facet if facet.startswith(_FACET) else f"{_FACET}{facet}",
        values=_BETWEEN_URNS.split(values),
    )
