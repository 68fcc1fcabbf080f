"""The people that a caller names by URL."""

from collections.abc import Sequence
from typing import Final

from audience_service.identity import Identity, Rejection, canonical
from servicekit.errors import FieldViolation, invalid_fields

_SUCH_AS: Final = "send a profile URL such as https://www.linkedin.com/in/ada-lovelace"
_WHY: Final = {
    Rejection.NO_URL: f"is blank; {_SUCH_AS}",
    Rejection.NOT_LINKEDIN: f"is no address on linkedin.com; {_SUCH_AS}",
    Rejection.NOT_A_PERSON: f"is LinkedIn's, but not a person; {_SUCH_AS}",
    Rejection.UNAVAILABLE: "is what LinkedIn shows for profiles that are gone; leave it out",
    Rejection.MALFORMED: f"cannot be the name or the id of a person on LinkedIn; {_SUCH_AS}",
}


def parse_urls(urls: Sequence[str]) -> list[Identity]:
    """Who they are, in the same order; INVALID_ARGUMENT names every URL that is no profile."""
    found: list[Identity] = []
    problems: list[FieldViolation] = []
    for index, url in enumerate(urls):
        identity = canonical(url)
        if isinstance(identity, Identity):
            found.append(identity)
            continue
        problems.append(
            FieldViolation(
                field=f"profile_urls[{index}]",
                description=_WHY[identity],
                reason=identity.value,
            )
        )
    if problems:
        raise invalid_fields(problems)
    return found
