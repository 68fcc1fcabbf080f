"""How many members match targeting criteria: made up, but steady and plausible."""

from hashlib import blake2b
from math import floor, log10
from typing import NamedTuple

from linkedin_simulator.targeting import Clause, Criteria

_MEMBERS = 1_200_000_000
_NORTH_AMERICA = 210_000_000
# Shares of all members; the two are such that the seed's sample gives 25312600 (seed: sample).
_KNOWN_SHARES = {
    "urn:li:countryGroup:NA": _NORTH_AMERICA / _MEMBERS,
    "urn:li:skill:17": 25_312_600 / _NORTH_AMERICA,
}
# Least and greatest share that any other value gets, as powers of ten.
_LEAST, _GREATEST = -5.0, -0.7
_MINIMUM = 300


class Size(NamedTuple):
    """The two numbers of the answer."""

    active: int
    total: int


def size_of(criteria: Criteria) -> Size:
    """Members that match, rounded; 0 below 300 (seed: minimum audience).

    More values in a clause never give fewer members, more clauses or exclusions never more.
    `active` is told for audiences placed by `urn:li:geo:` only, else it is 0.
    """
    share = 1.0
    for clause in criteria.include:
        share *= _share_of(clause)
    share *= 1 - _share_of(criteria.exclude)
    placed = any(
        urn.startswith("urn:li:geo:")
        for clause in criteria.include
        for values in clause.values()
        for urn in values
    )
    total = _rounded(share * _MEMBERS)
    return Size(active=_rounded(0.4 * total) if placed else 0, total=total)


def _share_of(clause: Clause) -> float:
    """Share of members to whom at least one value applies; values are taken as independent."""
    missed = 1.0
    for values in clause.values():
        # Sorted, so that the order in the request cannot change the last digit.
        for urn in sorted(values):
            missed *= 1 - _share_of_value(urn)
    return 1 - missed


def _share_of_value(urn: str) -> float:
    if urn in _KNOWN_SHARES:
        return _KNOWN_SHARES[urn]
    # Id 0 exists nowhere: an organisation that is not there, an empty place.
    if urn.endswith(":0"):
        return 0.0
    draw = int.from_bytes(blake2b(urn.encode(), digest_size=4).digest()) / (1 << 32)
    return float(10 ** (_LEAST + (_GREATEST - _LEAST) * draw))


def _rounded(members: float) -> int:
    """To six digits, as the sample is, and at least to the ten; 0 below the minimum."""
    if members < _MINIMUM:
        return 0
    unit = int(10 ** max(1, floor(log10(members)) - 5))
    return round(members / unit) * unit
