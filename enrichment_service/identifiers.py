"""The ids that LinkedIn people go by (domain: profile URLs and ids).

Opaque ids keep their case, vanities fold: two spellings of one vanity become equal.
"""

import re
from unicodedata import normalize

_PROVIDER_ID = re.compile(r"ACoAA[A-Za-z0-9_-]{7,95}")
_SALES_ID = re.compile(r"ACwAA[A-Za-z0-9_-]{7,95}")


def is_provider_id(identifier: str) -> bool:
    """Whether it is an opaque id such as `ACoAA…`; `acoa` is a vanity."""
    return _PROVIDER_ID.fullmatch(identifier) is not None


def is_sales_id(identifier: str) -> bool:
    """Whether it is a Sales Navigator id such as `ACwAA…`."""
    return _SALES_ID.fullmatch(identifier) is not None


def fold_vanity(vanity: str) -> str:
    """Fold case so that canonically equivalent spellings become equal (Unicode, D145)."""
    if vanity.isascii():
        return vanity.lower()
    return normalize("NFC", normalize("NFD", vanity).casefold())


def fold_identifier(identifier: str) -> str:
    """The one spelling of an identifier: an opaque id as it is, a vanity folded."""
    if is_provider_id(identifier) or is_sales_id(identifier):
        return identifier
    return fold_vanity(identifier)
