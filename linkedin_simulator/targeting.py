"""A strict reader of targeting criteria in the Rest.li 2.0 encoding (domain: audience counts).

    criteria := "(include:(and:List(" clause {"," clause} "))" [ ",exclude:(or:(" facets "))" ] ")"
    clause   := "(or:(" facets "))"
    facets   := facet {"," facet}
    facet    := ENC(facetUrn) ":List(" ENC(urn) {"," ENC(urn)} ")"

Structure stays literal; in keys and values everything but letters, digits, `_ . - ~` is
percent-encoded once.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

INVALID = "Parameter 'targetingCriteria' is invalid"
UNREADABLE = "TargetingPartialComputationException: Failed to fully deserialize expression"

_ENCODED = re.compile(r"(?:[A-Za-z0-9_.~-]|%[0-9A-Fa-f]{2})+")
_FACET = re.compile(r"urn:li:adTargetingFacet:[A-Za-z]+")
_URN = re.compile(r"urn:li:[A-Za-z]+:(?:[^():,%\s]+|\([^()\s]+(?:,[^()\s]+)+\))")

Clause = dict[str, frozenset[str]]


class CriteriaError(ValueError):
    """The criteria cannot be read; the text is what LinkedIn answers with status 400."""


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """Who is targeted: facet URN to value URNs, decoded.

    Attributes:
        include: all of these clauses must hold; in a clause one value of one facet is enough.
        exclude: one value of one facet is enough to be left out.
    """

    include: tuple[Clause, ...]
    exclude: Clause


def parse(text: str) -> Criteria:
    """Read the value of the query parameter `targetingCriteria` as it stands in the URL.

    Raises:
        CriteriaError: malformed structure, wrong or double encoding, or no URN.
    """
    reader = _Reader(text)
    reader.take("(include:(and:List(")
    include = [reader.clause()]
    while reader.took(","):
        include.append(reader.clause())
    reader.take("))")
    exclude: Clause = {}
    if reader.took(",exclude:"):
        exclude = reader.clause()
    reader.take(")")
    reader.end()
    return Criteria(include=tuple(include), exclude=exclude)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def took(self, literal: str) -> bool:
        if not self._text.startswith(literal, self._at):
            return False
        self._at += len(literal)
        return True

    def take(self, literal: str) -> None:
        if not self.took(literal):
            raise CriteriaError(INVALID)

    def end(self) -> None:
        if self._at != len(self._text):
            raise CriteriaError(INVALID)

    def clause(self) -> Clause:
        self.take("(or:(")
        facets: Clause = {}
        while True:
            facet = self._urn(_FACET)
            self.take(":List(")
            values = {self._urn(_URN)}
            while self.took(","):
                values.add(self._urn(_URN))
            self.take(")")
            facets[facet] = facets.get(facet, frozenset()) | values
            if not self.took(","):
                break
        self.take("))")
        return facets

    def _urn(self, shape: re.Pattern[str]) -> str:
        """One encoded URN; decoded once it must be a whole one, so `%253A` is refused."""
        found = _ENCODED.match(self._text, self._at)
        if found is None:
            raise CriteriaError(INVALID)
        self._at = found.end()
        try:
            urn = unquote(found[0], errors="strict")
        except UnicodeDecodeError as error:
            raise CriteriaError(UNREADABLE) from error
        if not shape.fullmatch(urn):
            raise CriteriaError(UNREADABLE)
        return urn
