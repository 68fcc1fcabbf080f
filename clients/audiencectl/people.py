"""People given by profile URL or by prospect id, as several calls take them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Final

import typer

from clients.audiencectl.kinds import PROSPECT
from clients.audiencectl.session import Session

People = Annotated[
    list[str] | None,
    typer.Argument(metavar="PERSON", help="Profile URLs, or ids or names of prospects."),
]


_PROSPECT_ID: Final = re.compile(r"[a-z0-9]{8,32}")


@dataclass(frozen=True, kw_only=True)
class Split:
    """The two ways in which people are named."""

    profile_urls: list[str] = field(default_factory=list)
    prospects: list[str] = field(default_factory=list)


def split(session: Session, people: Iterable[str]) -> Split:
    """What looks like the id or the name of a prospect is one, anything else is a profile's."""
    found = Split()
    for each in people:
        if each.startswith("workspaces/") or _PROSPECT_ID.fullmatch(each):
            found.prospects.append(PROSPECT.name(session, each))
        else:
            found.profile_urls.append(each)
    return found
