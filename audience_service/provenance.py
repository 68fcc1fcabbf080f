"""Which source may write a field: manual edits before enrichment before imports."""

import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Final
from unicodedata import normalize

from audience_service.model import FieldSource, Hidden, Prospect, Provenance

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

_RANDOM_DIGITS: Final = 12
_IDS_AT_ONCE: Final = 100

# What a line of text cannot hold: it becomes a blank, or goes where nobody would see a blank.
_BREAKS: Final = re.compile(r"[\x01-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSEEN: Final = re.compile(r"[\0\u202a-\u202e\u2066-\u2069]")

_NOTHING: Final = ("", None)

# The most characters of a value that a search looks at; a prefix has no more.
_SEARCHED: Final = 100


def fold(text: str) -> str:
    """The spelling that texts are searched by: equal in any case, and however they are encoded."""
    if text.isascii():
        return text.lower()[:_SEARCHED]
    return normalize("NFKC", normalize("NFKC", text).casefold())[:_SEARCHED]


def new_prospect_ids(now_ms: int) -> Iterator[str]:
    """Ids of 20 hexadecimal digits, as many as are asked for: a second in time, then chance.

    They tell nothing about the person. People who come together stand together in every index: an
    import of a million writes its pages one after another, not all over the table.
    """
    second = f"{now_ms // 1000:08x}"
    while True:
        # Asking the system for every id by itself was a tenth of an import.
        digits = secrets.token_hex(_RANDOM_DIGITS // 2 * _IDS_AT_ONCE)
        for begin in range(0, len(digits), _RANDOM_DIGITS):
            yield second + digits[begin : begin + _RANDOM_DIGITS]


def kept_text(value: str) -> str:
    """A text of a file or a profile as it is kept: one line, without blanks around it.

    Line breaks and other control characters become blanks; NUL, which PostgreSQL refuses, and marks
    that turn the direction of text are dropped. Requests that hold any of these are refused.
    """
    if not value.isprintable():
        value = _BREAKS.sub(" ", _UNSEEN.sub("", value))
    return value.strip()


def write_fields(
    prospect: Prospect, values: Mapping[str, str], *, source: FieldSource, now_ms: int
) -> bool:
    """Write what ``source`` may write; tells whether anything changed.

    A blank value never replaces anything. A weaker source never overwrites a stronger one, and of
    the same source the newer value wins. Under a manual edit the same holds for what it hides.
    """
    changed = False
    for name, longest in LONGEST.items():
        value = kept_text(values.get(name, ""))[:longest]
        if not value:
            continue
        shown, kept = prospect.fields.get(name, ""), prospect.provenance.get(name)
        edited = kept is not None and kept.source is FieldSource.MANUAL
        if edited:
            shown, kept = prospect.hidden.get(name, _NOTHING)
        if kept is not None and (kept.source > source or (kept.source, shown) == (source, value)):
            continue
        found = Provenance(source, now_ms)
        if edited:
            prospect.hidden[name] = Hidden(value, found)
        else:
            prospect.fields[name], prospect.provenance[name] = value, found
        changed = True
    return changed


def edit_fields(prospect: Prospect, values: Mapping[str, str], *, now_ms: int) -> None:
    """A person's edit: it holds until a blank value clears it, and what it hid comes back.

    A blank value for a field that was not edited leaves it empty until the next import or view.
    """
    for name, value in values.items():
        text = kept_text(value)
        shown, kept = prospect.fields.pop(name, ""), prospect.provenance.pop(name, None)
        if text:
            if kept is not None and kept.source is not FieldSource.MANUAL:
                prospect.hidden[name] = Hidden(shown, kept)
            prospect.fields[name] = text
            prospect.provenance[name] = Provenance(FieldSource.MANUAL, now_ms)
        elif (hidden := prospect.hidden.pop(name, None)) is not None:
            prospect.fields[name], prospect.provenance[name] = hidden


def merge_fields(survivor: Prospect, other: Prospect) -> None:
    """Take over what the other knows better: by source, then by time."""
    for name in {**survivor.provenance, **other.provenance}:
        ours, theirs = survivor.provenance.get(name), other.provenance.get(name)
        if name == "picture_url" and theirs is not None and (ours is None or theirs > ours):
            survivor.picture_expire_ms = other.picture_expire_ms
        known = sorted(
            [*_known(survivor, name), *_known(other, name)],
            key=lambda each: each.provenance,
            reverse=True,
        )
        best = known[0]
        survivor.fields[name], survivor.provenance[name] = best
        survivor.hidden.pop(name, None)
        if best.provenance.source is FieldSource.MANUAL:
            seen = [each for each in known if each.provenance.source is not FieldSource.MANUAL]
            if seen:
                survivor.hidden[name] = seen[0]


def _known(prospect: Prospect, name: str) -> list[Hidden]:
    """What is known of a field, shown or hidden."""
    kept, hidden = prospect.provenance.get(name), prospect.hidden.get(name)
    shown = [Hidden(prospect.fields.get(name, ""), kept)] if kept is not None else []
    return shown if hidden is None else [*shown, hidden]
