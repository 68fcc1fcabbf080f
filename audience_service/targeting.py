"""Targeting criteria of the audience counts, and how LinkedIn's Rest.li wants them written."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

MOST_QUERY_BYTES = 4096  # (domain: a longer query string gets 414)

_FACET_URN = re.compile(r"urn:li:adTargetingFacet:[A-Za-z][A-Za-z0-9]*")
_VALUE_URN = re.compile(r"urn:li:[A-Za-z][A-Za-z0-9_]*:\S(?:.*\S)?")
_MOST_URN_CHARS = 500


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet (``urn:li:adTargetingFacet:skills``) and the values of which any may match."""

    urn: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """Facets of which any may match."""

    facets: tuple[Facet, ...]


@dataclass(frozen=True, slots=True)
class TargetingCriteria:
    """Members who match every clause of ``include`` and no facet of ``exclude``."""

    include: tuple[Clause, ...]
    exclude: tuple[Facet, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetingProblem:
    """What is wrong with one field, such as ``include[0].any_of[1].values[2]``."""

    field: str
    message: str


class TargetingError(Exception):
    """Criteria with faults, all of them in ``problems``."""

    def __init__(self, problems: tuple[TargetingProblem, ...]) -> None:
        super().__init__(" ".join(f"{each.field}: {each.message}" for each in problems))
        self.problems = problems


def validate(criteria: TargetingCriteria) -> None:
    """Raise TargetingError with every fault that would make LinkedIn refuse the criteria."""
    problems = tuple(_problems(criteria))
    if problems:
        raise TargetingError(problems)


def encode(criteria: TargetingCriteria) -> str:
    """Return the value of ``targetingCriteria``, already percent-encoded.

    Put it into the URL as it is: a client that encodes parameters would encode it twice, and
    LinkedIn answers 400. Raises TargetingError.
    """
    validate(criteria)
    clauses = ",".join(_encode_or(clause.facets) for clause in criteria.include)
    exclude = f",exclude:{_encode_or(criteria.exclude)}" if criteria.exclude else ""
    return f"(include:(and:List({clauses})){exclude})"


def count_query(criteria: TargetingCriteria) -> str:
    """Return the whole query string of an audience count, to be sent unchanged."""
    return f"q=targetingCriteriaV2&targetingCriteria={encode(criteria)}"


def must_tunnel(query: str) -> bool:
    """Tell whether a query is too long for a GET and has to go as the body of a POST."""
    return len(query.encode()) > MOST_QUERY_BYTES


def _encode_or(facets: tuple[Facet, ...]) -> str:
    return f"(or:({','.join(map(_encode_facet, facets))}))"


def _encode_facet(facet: Facet) -> str:
    return f"{_escape(facet.urn)}:List({','.join(map(_escape, facet.values))})"


def _escape(text: str) -> str:
    """Encode all but letters, digits and ``_.-~``: commas, colons and brackets are structure."""
    return quote(text, safe="")


def _problems(criteria: TargetingCriteria) -> Iterator[TargetingProblem]:
    if not criteria.include:
        yield TargetingProblem("include", "name at least one clause")
    for number, clause in enumerate(criteria.include):
        path = f"include[{number}].any_of"
        if not clause.facets:
            yield TargetingProblem(path, "name at least one facet, or leave the clause out")
        yield from _facet_problems(clause.facets, path=path)
    yield from _facet_problems(criteria.exclude, path="exclude")


def _facet_problems(facets: tuple[Facet, ...], *, path: str) -> Iterator[TargetingProblem]:
    times = Counter(facet.urn for facet in facets)
    for number, facet in enumerate(facets):
        here = f"{path}[{number}]"
        if not _FACET_URN.fullmatch(facet.urn):
            yield TargetingProblem(
                f"{here}.facet", "give a facet URN such as urn:li:adTargetingFacet:locations"
            )
        elif times[facet.urn] > 1:
            yield TargetingProblem(
                f"{here}.facet", "the facet is there twice: put all its values into one"
            )
        if not facet.values:
            yield TargetingProblem(f"{here}.values", "name at least one value")
        for index, value in enumerate(facet.values):
            if not _is_value(value):
                yield TargetingProblem(
                    f"{here}.values[{index}]",
                    "give a URN such as urn:li:skill:17 or urn:li:staffCountRange:(51,200)",
                )


def _is_value(urn: str) -> bool:
    return len(urn) <= _MOST_URN_CHARS and urn.isprintable() and bool(_VALUE_URN.fullmatch(urn))
