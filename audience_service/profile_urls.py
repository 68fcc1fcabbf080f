"""The people that a caller names by URL."""

from collections.abc import Sequence

from audience_service.identity import Identity, canonical
from servicekit.errors import FieldViolation, invalid_fields


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
                description="names no LinkedIn profile",
                reason=identity.value,
            )
        )
    if problems:
        raise invalid_fields(problems)
    return found
