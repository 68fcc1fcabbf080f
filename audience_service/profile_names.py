"""The names that a viewed profile has: aliases of its ids and of its vanity."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from audience_service.enrichment_model import ProfileData
from audience_service.identity import Identity, canonical


def strong_aliases(data: ProfileData) -> list[str]:
    """The aliases that tell people apart for good: provider id and member id."""
    aliases: list[str] = []
    if data.provider_id:
        found = canonical(data.provider_id)
        # An id in a form that nobody has seen yet is still an id.
        aliases.append(found.alias if isinstance(found, Identity) else f"id:{data.provider_id}")
    if data.member_id:
        aliases.append(f"member:{data.member_id}")
    return aliases


def vanity_alias(data: ProfileData) -> str | None:
    """The alias of the vanity, None without one."""
    if not data.vanity:
        return None
    found = canonical(f"https://www.linkedin.com/in/{quote(data.vanity, safe='')}")
    return found.alias if isinstance(found, Identity) else None


def aliases_of(data: Iterable[ProfileData]) -> Mapping[str, None]:
    """Every alias that the data names, each once."""
    found: dict[str, None] = {}
    for each in data:
        found.update(dict.fromkeys(strong_aliases(each)))
        vanity = vanity_alias(each)
        if vanity is not None:
            found[vanity] = None
    return found
