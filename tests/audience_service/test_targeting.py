"""Targeting criteria as LinkedIn wants them written."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience_service.targeting import (
    MOST_QUERY_BYTES,
    Clause,
    Facet,
    TargetingCriteria,
    TargetingError,
    count_query,
    encode,
    must_tunnel,
)

_LOCATIONS = Facet("urn:li:adTargetingFacet:locations", ("urn:li:countryGroup:NA",))
_SKILLS = Facet("urn:li:adTargetingFacet:skills", ("urn:li:skill:17",))


def _facet(name: str, *values: str) -> Facet:
    return Facet(f"urn:li:adTargetingFacet:{name}", values)


def test_the_sample_of_the_documentation_byte_for_byte() -> None:
    criteria = TargetingCriteria(include=(Clause((_LOCATIONS,)), Clause((_SKILLS,))))

    assert count_query(criteria) == (
        "q=targetingCriteriaV2&targetingCriteria=(include:(and:List("
        "(or:(urn%3Ali%3AadTargetingFacet%3Alocations:List(urn%3Ali%3AcountryGroup%3ANA))),"
        "(or:(urn%3Ali%3AadTargetingFacet%3Askills:List(urn%3Ali%3Askill%3A17))))))"
    )


def test_facets_of_a_clause_and_values_are_joined_and_exclusions_follow() -> None:
    criteria = TargetingCriteria(
        include=(Clause((_LOCATIONS, _facet("skills", "urn:li:skill:17", "urn:li:skill:18"))),),
        exclude=(_facet("seniorities", "urn:li:seniority:3"), _facet("titles", "urn:li:title:4")),
    )

    assert encode(criteria) == (
        "(include:(and:List((or:("
        "urn%3Ali%3AadTargetingFacet%3Alocations:List(urn%3Ali%3AcountryGroup%3ANA),"
        "urn%3Ali%3AadTargetingFacet%3Askills:List(urn%3Ali%3Askill%3A17,urn%3Ali%3Askill%3A18)"
        "))))"
        ",exclude:(or:(urn%3Ali%3AadTargetingFacet%3Aseniorities:List(urn%3Ali%3Aseniority%3A3),"
        "urn%3Ali%3AadTargetingFacet%3Atitles:List(urn%3Ali%3Atitle%3A4))))"
    )


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("urn:li:staffCountRange:(51,200)", "urn%3Ali%3AstaffCountRange%3A%2851%2C200%29"),
        ("urn:li:keyword:a b", "urn%3Ali%3Akeyword%3Aa%20b"),
        ("urn:li:locale:en_US", "urn%3Ali%3Alocale%3Aen_US"),
        ("urn:li:keyword:é~-.'", "urn%3Ali%3Akeyword%3A%C3%A9~-.%27"),
    ],
)
def test_values_are_encoded_down_to_the_unreserved(value: str, encoded: str) -> None:
    criteria = TargetingCriteria(include=(Clause((_facet("x", value),)),))

    assert f":List({encoded})" in encode(criteria)


@given(st.lists(st.text("(),:% &=+'é~", min_size=1).map(lambda text: f"urn:li:k:a{text}a")))
def test_no_value_can_break_out_of_its_place(values: list[str]) -> None:
    criteria = TargetingCriteria(include=(Clause((_facet("x", "urn:li:k:1", *values),)),))

    written = encode(criteria).partition(":List(urn")[2].partition(")")[0]
    assert [unquote(each) for each in f"urn{written}".split(",")] == ["urn:li:k:1", *values]


@pytest.mark.parametrize(
    ("criteria", "field"),
    [
        (TargetingCriteria(include=()), "include"),
        (TargetingCriteria(include=(Clause(()),)), "include[0].any_of"),
        (TargetingCriteria(include=(Clause((Facet("locations", ("urn:li:geo:1",)),)),)), "facet"),
        (TargetingCriteria(include=(Clause((_facet("x"),)),)), "include[0].any_of[0].values"),
        (TargetingCriteria(include=(Clause((_SKILLS, _SKILLS)),)), "include[0].any_of[0].facet"),
        (
            TargetingCriteria(include=(Clause((_SKILLS,)),), exclude=(_facet("x", "17"),)),
            "exclude[0].values[0]",
        ),
    ],
)
def test_faults_are_named_by_field(criteria: TargetingCriteria, field: str) -> None:
    with pytest.raises(TargetingError) as caught:
        encode(criteria)

    assert caught.value.problems[0].field.endswith(field)


@pytest.mark.parametrize(
    "value",
    ["", "urn:li:skill:", "urn:li:skill: 17", "urn:li:skill:1\n", "urn:x:skill:1", "\ud800"],
)
def test_values_that_are_no_urns_are_refused(value: str) -> None:
    with pytest.raises(TargetingError, match=r"values\[0\]"):
        encode(TargetingCriteria(include=(Clause((_facet("x", value),)),)))


def test_only_queries_over_the_limit_are_tunnelled() -> None:
    assert not must_tunnel("x" * MOST_QUERY_BYTES)
    assert must_tunnel("x" * (MOST_QUERY_BYTES + 1))
    many = tuple(f"urn:li:skill:{number}" for number in range(300))
    assert must_tunnel(count_query(TargetingCriteria((Clause((_facet("skills", *many),)),))))
