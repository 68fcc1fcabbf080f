"""The reader of targeting criteria, and the sizes (seed: sample, minimum audience)."""

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkedin_simulator.sizes import size_of
from linkedin_simulator.targeting import INVALID, UNREADABLE, Clause, CriteriaError, parse

SAMPLE = (
    "(include:(and:List((or:(urn%3Ali%3AadTargetingFacet%3Alocations:List(urn%3Ali%3A"
    "countryGroup%3ANA))),(or:(urn%3Ali%3AadTargetingFacet%3Askills:List(urn%3Ali%3Askill%3A17))))))"
)
FACETS = st.sampled_from(["locations", "skills", "staffCountRanges"]).map(
    "urn:li:adTargetingFacet:".__add__
)
URNS = st.one_of(
    st.integers(min_value=1, max_value=40).map("urn:li:skill:{}".format),
    st.sampled_from(["urn:li:staffCountRange:(51,200)", "urn:li:geo:103644278"]),
)
CLAUSES = st.dictionaries(FACETS, st.frozensets(URNS, min_size=1, max_size=3), min_size=1)


def encoded(urn: str) -> str:
    return quote(urn, safe="_.-~")


def written_clause(clause: Clause) -> str:
    facets = (
        f"{encoded(facet)}:List({','.join(map(encoded, sorted(values)))})"
        for facet, values in clause.items()
    )
    return f"(or:({','.join(facets)}))"


def written(include: list[Clause], exclude: Clause) -> str:
    tail = f",exclude:{written_clause(exclude)}" if exclude else ""
    return f"(include:(and:List({','.join(map(written_clause, include))})){tail})"


@given(include=st.lists(CLAUSES, min_size=1, max_size=4), exclude=st.just({}) | CLAUSES)
def test_what_is_written_is_read(include: list[Clause], exclude: Clause) -> None:
    criteria = parse(written(include, exclude))
    assert criteria.include == tuple(include)
    assert criteria.exclude == exclude


@given(text=st.text(alphabet="()urnli:,%3A2List25and or.", max_size=80))
def test_anything_else_is_refused_and_nothing_breaks(text: str) -> None:
    with pytest.raises(CriteriaError):
        parse(text)


@given(at=st.integers(min_value=0, max_value=len(SAMPLE) - 1))
def test_a_sample_cut_short_is_refused(at: int) -> None:
    with pytest.raises(CriteriaError):
        parse(SAMPLE[:at])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (quote(SAMPLE, safe=""), INVALID),
        (quote(SAMPLE, safe="(),:"), UNREADABLE),
        (SAMPLE.replace("%3A", ":"), UNREADABLE),
        (SAMPLE.replace("%3A", "%253A"), UNREADABLE),
        (SAMPLE.replace("skill%3A17", "skill%3A%FF"), UNREADABLE),
        (SAMPLE.replace("skill%3A17", ""), UNREADABLE),
        (SAMPLE.replace("urn%3Ali%3Askill%3A17", "''"), INVALID),
        (SAMPLE.replace("urn%3Ali%3Askill%3A17", ""), INVALID),
        (SAMPLE.replace("urn%3Ali%3Askill%3A17", "17"), UNREADABLE),
        (SAMPLE.replace("adTargetingFacet%3Askills", "skills"), UNREADABLE),
        (SAMPLE.replace("%3A17", "%3A1+7"), INVALID),
        (SAMPLE.replace("urn%3Ali%3Askill%3A17", "urn%3Ali%3Arange%3A%281,2%29"), UNREADABLE),
        (SAMPLE + ")", INVALID),
        (SAMPLE.replace("and:List", "and:list"), INVALID),
        ("", INVALID),
    ],
)
def test_what_linkedin_would_answer(text: str, message: str) -> None:
    with pytest.raises(CriteriaError, match=f"^{re.escape(message)}$"):
        parse(text)


def test_the_seed_sample() -> None:
    assert size_of(parse(SAMPLE)) == (0, 25312600)


@given(include=st.lists(CLAUSES, min_size=1, max_size=3), more=CLAUSES)
def test_sizes_behave_like_sets(include: list[Clause], more: Clause) -> None:
    total = size_of(parse(written(include, {}))).total
    assert total == 0 or total >= 300
    assert size_of(parse(written([*include, more], {}))).total <= total
    assert size_of(parse(written(include, more))).total <= total
    wider = dict(include[0])
    for facet, values in more.items():
        wider[facet] = wider.get(facet, frozenset()) | values
    assert size_of(parse(written([wider, *include[1:]], {}))).total >= total


def test_what_does_not_exist_has_nobody() -> None:
    for urn in ("urn:li:organization:0", "urn:li:geo:0"):
        clause = {"urn:li:adTargetingFacet:locations": frozenset({urn})}
        assert size_of(parse(written([clause], {}))) == (0, 0)
