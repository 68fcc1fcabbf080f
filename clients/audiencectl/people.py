"""People given by profile URL or by prospect id, as several calls take them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

import typer

from clients.audiencectl.kinds import PROSPECT
from clients.audiencectl.session import Session

People = Annotated[
    list[str] | None,
    typer.Argument(metavar="PERSON", help="Profile URLs, or ids or names of prospects."),
]


@dataclass(frozen=True, kw_only=True)
class Split:
    """The two ways in which people are named."""

    profile_urls: list[str] = field(default_factory=list)
    prospects: list[str] = field(default_factory=list)


def split(session: Session, people: Iterable[str]) -> Split:
    """What looks like an address is a profile URL, anything else names a prospect."""
    found = Split()
    for each in people:
        if each.startswith("workspaces/") or "/" not in each:
            found.prospects.append(PROSPECT.name(session, each))
        else:
            found.profile_urls.append(each)
    return found
