"""Which source may write a field: manual edits before enrichment before imports."""

import secrets
from collections.abc import Mapping
from typing import Final
from unicodedata import normalize

from audience_service.model import FieldSource, Prospect, Provenance

# The most characters that a field holds; longer values of files and profiles are cut.
LONGEST: Final = {
    "first_name": 200,
    "last_name": 200,
    "headline": 1000,
    "company": 500,
    "title": 500,
    "location": 500,
    "picture_url": 2000,
}


# The most characters of a value that a search looks at; a prefix has no more.
_SEARCHED: Final = 100


def fold(text: str) -> str:
    """The spelling that texts are searched by: equal in any case, and however they are encoded."""
    if text.isascii():
        return text.lower()[:_SEARCHED]
    return normalize("NFKC", normalize("NFKC", text).casefold())[:_SEARCHED]


def new_prospect_id() -> str:
    """A random id of 16 hexadecimal digits: it tells nothing about the person."""
    return secrets.token_hex(8)


def kept_text(value: str) -> str:
    """A text as it is kept: without blanks around it, and without NUL, which PostgreSQL refuses."""
    return value.replace("\0", "").strip()


def write_fields(
    prospect: Prospect, values: Mapping[str, str], *, source: FieldSource, now_ms: int
) -> bool:
    """Write what ``source`` may write; tells whether anything changed.

    A blank value never replaces anything. A weaker source never overwrites a stronger one, and of
    the same source the newer value wins.
    """
    changed = False
    for name, longest in LONGEST.items():
        value = kept_text(values.get(name, ""))[:longest]
        if not value:
            continue
        kept = prospect.provenance.get(name)
        if kept is not None and kept.source > source:
            continue
        if prospect.fields.get(name) == value and kept is not None and kept.source == source:
            continue
        prospect.fields[name] = value
        prospect.provenance[name] = Provenance(source, now_ms)
        changed = True
    return changed


def edit_fields(prospect: Prospect, values: Mapping[str, str], *, now_ms: int) -> None:
    """A person's edit: it holds until it is cleared by a blank value."""
    for name, value in values.items():
        text = kept_text(value)
        if text:
            prospect.fields[name] = text
            prospect.provenance[name] = Provenance(FieldSource.MANUAL, now_ms)
        else:
            prospect.fields.pop(name, None)
            prospect.provenance.pop(name, None)


def merge_fields(survivor: Prospect, other: Prospect) -> None:
    """Take over what the other knows better: by source, then by time."""
    for name, theirs in other.provenance.items():
        ours = survivor.provenance.get(name)
        if ours is None or theirs > ours:
            survivor.fields[name] = other.fields.get(name, "")
            survivor.provenance[name] = theirs
            if name == "picture_url":
                survivor.picture_expire_ms = other.picture_expire_ms
