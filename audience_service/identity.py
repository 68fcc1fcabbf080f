"""Who a LinkedIn URL, URN or id names: one alias for all spellings of one person.

An alias is ``<kind>:<key>``:

=============  ==========================================  ======================
kind           key                                         can be viewed
=============  ==========================================  ======================
``in``         vanity, percent-decoded and case-folded     yes, by the vanity
``id``         provider id ``ACoAA…``, case kept           yes, by the id
``sales``      Sales Navigator id ``ACwAA…``, case kept    yes, by the id
``member``     member number                               no
``talent``     Recruiter id, case kept                     no
``view``       id of a legacy ``/profile/view?id=…``       no
``pub``        legacy ``/pub/<name>/1/2/3``                no
=============  ==========================================  ======================

One person may have several aliases; only an enriched profile tells that they belong together.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import normalize
from urllib.parse import parse_qs, quote, unquote


class Rejection(StrEnum):
    """Why a text names no person."""

    NO_URL = "NO_URL"
    """Blank."""
    NOT_LINKEDIN = "NOT_LINKEDIN"
    """No address on linkedin.com."""
    NOT_A_PERSON = "NOT_A_PERSON"
    """A company, school, post, feed, …, or an app-scoped ``urn:li:person:``."""
    UNAVAILABLE = "UNAVAILABLE"
    """``/in/unavailable/``: the profile is gone."""
    MALFORMED = "MALFORMED"
    """Meant as a person on LinkedIn, but the name or id in it cannot be one."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One name a person is known by, equal for all its spellings."""

    alias: str

    @property
    def identifier(self) -> str | None:
        """What a profile can be viewed by (vanity, provider id, Sales Navigator id), or None."""
        kind, _, key = self.alias.partition(":")
        return key if kind in ("in", "id", "sales") else None


# Nearly every URL of a real file has this form; anything else is taken apart, at thrice the cost.
_COMMON_URL = re.compile(
    r"(?:https?://)?(?:www\.|[a-z]{1,3}\.)?linkedin\.com/in/([\w%-]+)(?:[/?#]|\Z)"
)
# RFC 3986, appendix B. Not urlsplit: that drops newlines inside a URL and raises on brackets.
_ANY_URL = re.compile(
    r"(?:(?:(?P<scheme>[a-z][a-z0-9+.-]*):)?//)?(?P<host>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?",
    re.ASCII | re.IGNORECASE,
)
_HOST = re.compile(r"(?:[a-z0-9-]+\.)*linkedin\.com\.?(?::[0-9]*)?", re.ASCII | re.IGNORECASE)
_ENCODED_WHOLE = re.compile(r"(?:https?|urn)%3a", re.IGNORECASE)
# Real ids have 39 characters. The prefix is exact: "acwa" in lower case is a vanity.
_OPAQUE = re.compile(r"AC[ow]AA[A-Za-z0-9_-]{7,95}")
_OTHER_ID = re.compile(r"[A-Za-z0-9_-]{3,100}")
_NUMBER = re.compile(r"0*([1-9][0-9]{0,18})")
_URN = re.compile(r"urn:li:(\w+):(?:\(([\w-]+)(?:,[^()]*)?\)|([\w-]+))", re.ASCII | re.IGNORECASE)
_PROFILE_URNS = ("fsd_profile", "fs_profile", "fs_miniprofile", "fs_salesprofile")
_HEX = re.compile(r"[0-9a-fA-F]{1,4}")
_PLAIN_VANITY = re.compile(r"[\w-]{3,100}")
# What no vanity has: delimiters of URLs and prose, blanks, controls, halves of surrogate pairs,
# and the mark that a broken encoding leaves.
_NOT_IN_VANITY = re.compile(r"[\s\x00-\x1f\x7f-\x9f/\\?#&=<>\"`{}|^\[\](),;:@\ud800-\udfff\ufffd]")
# Invisible marks that copying leaves inside a URL. Not U+200C and U+200D, which some scripts need.
_MARKS = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
# Blanks, and the invisible characters that come along when a URL is copied.
_AROUND = " \t\r\n\v\f\u00a0\u2028\u2029\u3000\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"


def canonical(raw: str) -> Identity | Rejection:
    """Return the identity that a URL, URN or bare ``ACoAA…``/``ACwAA…`` id names.

    Never raises. A bare word is not taken for a vanity: "none" in a cell would be a person.
    """
    common = _COMMON_URL.match(raw)
    if not common:
        return _from_any(raw.strip(_AROUND))
    name = common[1]
    return _from_name(_decode(name) if "%" in name else name)


def canonical_url(alias: str) -> str:
    """Return the one URL to show for an alias; `canonical` maps it back to the alias.

    Raises ValueError when the text is not an alias.
    """
    kind, _, key = alias.partition(":")
    if not key or kind not in _PATHS:
        raise ValueError("not an alias: take it from Identity.alias")
    return f"https://www.linkedin.com/{_PATHS[kind]}{quote(key, safe='/')}"


_PATHS = {
    "in": "in/",
    "id": "in/",
    "sales": "in/",
    "member": "profile/view?id=",
    "view": "profile/view?id=",
    "talent": "talent/profile/",
    "pub": "pub/",
}


def _from_any(text: str) -> Identity | Rejection:
    if not text:
        return Rejection.NO_URL
    if _OPAQUE.fullmatch(text):
        return _from_opaque(text)
    if _ENCODED_WHOLE.match(text):
        text = unquote(text)
    if text[:4].lower() == "urn:":
        return _from_urn(text)
    url = _ANY_URL.match(text)
    if not url or (url["scheme"] or "https").lower() not in ("http", "https"):
        return Rejection.NOT_LINKEDIN
    if not _HOST.fullmatch(url["host"]):
        return Rejection.NOT_LINKEDIN
    path = [_decode(part) for part in url["path"].split("/") if part]
    return _from_path(path, ids=parse_qs(url["query"] or "").get("id", []))


def _from_path(path: list[str], *, ids: list[str]) -> Identity | Rejection:
    """Read the person from the decoded segments of a path on linkedin.com."""
    lowered = [part.lower() for part in path]
    if lowered[:1] == ["mwlite"]:
        path, lowered = path[1:], lowered[1:]
    if lowered[:1] == ["in"]:
        return _from_name(path[1]) if len(path) > 1 else Rejection.MALFORMED
    if lowered[:1] == ["pub"] and lowered[1:2] != ["dir"]:
        return _from_pub(path[1:])
    reader = _TWO_STEP_PATHS.get("/".join(lowered[:2]))
    if reader is None:
        return Rejection.NOT_A_PERSON
    named = ids if lowered[0] == "profile" else path[2:]
    return reader(named[0]) if named else Rejection.MALFORMED


def _from_name(name: str) -> Identity | Rejection:
    """Read what stands after ``/in/``: an opaque id or a vanity, in any case."""
    if name.startswith("AC") and _OPAQUE.fullmatch(name.partition(",")[0]):
        return _from_opaque(name)
    folded = _fold(name)
    if not _PLAIN_VANITY.fullmatch(folded) and not _is_vanity(folded):
        return Rejection.MALFORMED
    return Rejection.UNAVAILABLE if folded == "unavailable" else Identity(f"in:{folded}")


def _from_opaque(text: str) -> Identity | Rejection:
    # In Sales Navigator's addresses the search that found the person follows the first comma.
    key = text.partition(",")[0]
    if not _OPAQUE.fullmatch(key):
        return Rejection.MALFORMED
    return Identity(f"id:{key}" if key.startswith("ACo") else f"sales:{key}")


def _from_talent(text: str) -> Identity | Rejection:
    return _from_opaque_or(text, kind="talent")


def _from_view(text: str) -> Identity | Rejection:
    return _from_number(text) if text.isdecimal() else _from_opaque_or(text, kind="view")


def _from_opaque_or(text: str, *, kind: str) -> Identity | Rejection:
    if _OPAQUE.fullmatch(text):
        return _from_opaque(text)
    return Identity(f"{kind}:{text}") if _OTHER_ID.fullmatch(text) else Rejection.MALFORMED


def _from_number(text: str) -> Identity | Rejection:
    number = _NUMBER.fullmatch(text)
    return Identity(f"member:{number[1]}") if number else Rejection.MALFORMED


def _from_pub(parts: list[str]) -> Identity | Rejection:
    name, numbers = _fold("".join(parts[:1])), parts[1:4]
    if not name or len(name) > 100 or _NOT_IN_VANITY.search(name):
        return Rejection.MALFORMED
    if len(numbers) < 3 or not all(map(_HEX.fullmatch, numbers)):
        return Rejection.MALFORMED
    return Identity(f"pub:{name}/{'/'.join(numbers).lower()}")


def _from_urn(text: str) -> Identity | Rejection:
    urn = _URN.fullmatch(text)
    if not urn:
        return Rejection.MALFORMED
    kind, key = urn[1].lower(), urn[2] or urn[3]
    if kind == "member":
        return _from_number(key)
    return _from_opaque(key) if kind in _PROFILE_URNS else Rejection.NOT_A_PERSON


def _is_vanity(folded: str) -> bool:
    return 3 <= len(folded) <= 100 and not _NOT_IN_VANITY.search(folded)


def _decode(part: str) -> str:
    """Decode a segment of a path; a stray % stays, bytes that are not UTF-8 become U+FFFD."""
    text = unquote(part).strip()
    return text if text.isascii() else _MARKS.sub("", text)


def _fold(name: str) -> str:
    """Fold case so that canonically equivalent spellings become equal (Unicode, D145)."""
    if name.isascii():
        return name.lower()
    return normalize("NFC", normalize("NFD", name).casefold())


_TWO_STEP_PATHS: dict[str, Callable[[str], Identity | Rejection]] = {
    "profile/view": _from_view,
    "sales/lead": _from_opaque,
    "sales/people": _from_opaque,
    "talent/profile": _from_talent,
}
