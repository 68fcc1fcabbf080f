"""Vanity, provider id and Sales Navigator id lead to one person, whichever came first."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkedin_simulator.identity import (
    Identities,
    InvalidIdentifierError,
    UnknownIdentifierError,
    is_id,
)
from tests.support.simulator_client import SimulatorClient, lasting

TAILS = st.text(
    alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    min_size=34,
    max_size=34,
)
VANITIES = st.text(
    alphabet=st.characters(categories=["L", "N"], include_characters="-"), min_size=3, max_size=30
).filter(lambda text: not text.isdecimal() and text != "unavailable")
IDENTIFIERS = st.one_of(
    VANITIES,
    TAILS.map("ACoAA".__add__),
    TAILS.map("ACwAA".__add__),
    st.sampled_from(["abc", "xyz"]),
)


@contextmanager
def identities() -> Iterator[tuple[Identities, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.jsonl"
        known = Identities(path)
        yield known, path
        known.close()


@given(asked=st.lists(IDENTIFIERS, min_size=1, max_size=8))
def test_all_names_of_a_person_lead_back_also_after_a_restart(asked: list[str]) -> None:
    with identities() as (known, path):
        met = {identifier: known.meet(identifier) for identifier in asked}
        again = Identities(path)
        for identifier, (tail, vanity) in met.items():
            names = known.names_of(tail)
            assert names == again.names_of(tail)
            assert names["vanity"] == vanity
            for name in (identifier, *names.values(), vanity.casefold()):
                assert known.resolve(name) == again.resolve(name) == tail
        again.close()


@given(vanity=VANITIES)
def test_a_vanity_means_the_same_in_any_case(vanity: str) -> None:
    with identities() as (known, _):
        assert known.resolve(vanity) == known.resolve(vanity.casefold())
        assert known.meet(vanity)[1] == vanity.lower()


@given(first=TAILS, second=TAILS)
def test_different_ids_are_different_people(first: str, second: str) -> None:
    with identities() as (known, _):
        same = known.resolve("ACwAA" + first) == known.resolve("ACwAA" + second)
        assert same == (first == second)


@given(vanity=VANITIES, provider=TAILS, sales=TAILS)
def test_posted_identifiers_are_one_person(vanity: str, provider: str, sales: str) -> None:
    with identities() as (known, path):
        posted = {
            "vanity": vanity.lower(),
            "provider_id": "ACoAA" + provider,
            "sales_id": "ACwAA" + sales,
        }
        assert known.declare(**posted) == posted
        again = Identities(path)
        for registry in (known, again):
            assert {registry.resolve(name) for name in posted.values()} == {provider}
            assert registry.names_of(provider) == posted
        again.close()


@given(vanity=VANITIES, tail=TAILS)
def test_a_vanity_can_move_to_somebody_else(vanity: str, tail: str) -> None:
    with identities() as (known, _):
        loser, _ = known.meet(vanity)
        known.declare(vanity=vanity, provider_id="ACoAA" + tail, sales_id=None)
        assert known.meet(vanity) == (tail, vanity.lower())
        _, renamed = known.meet("ACoAA" + loser)
        assert renamed != vanity.lower()
        assert known.meet(renamed) == (loser, renamed)


@pytest.mark.parametrize("identifier", ["ab", "x" * 101, "12345", "in/ada", "urn:li:member:1"])
def test_what_can_be_no_identifier(identifier: str) -> None:
    with identities() as (known, _), pytest.raises(InvalidIdentifierError):
        known.resolve(identifier)


@pytest.mark.parametrize("identifier", ["unavailable", ("ACoAA" + "Ab" * 17).lower()])
def test_who_is_not_there(identifier: str) -> None:
    with identities() as (known, _), pytest.raises(UnknownIdentifierError):
        known.resolve(identifier)


def test_a_short_slug_is_a_vanity() -> None:
    assert not is_id("acwa")
    assert not is_id("ACoAA")


@pytest.mark.parametrize(
    "vanity", ["михаил-петров-559b70240", "josé-garcía", "100%-real", "淳-鈴木-20713940", "a+b&d"]
)
async def test_unicode_and_odd_characters_travel(client: SimulatorClient, vanity: str) -> None:
    answer = await client.view(vanity, account="unicode")
    assert answer.json["public_identifier"] == vanity
    assert (await client.views("unicode"))[-1]["identifier"] == vanity


async def test_one_person_over_http(client: SimulatorClient) -> None:
    names = (await client.call("GET", "/_sim/people/Dorothy-Vaughan-1")).json
    asked = [await client.view(name, account="joined") for name in names.values()]
    assert lasting(asked[0].json) == lasting(asked[1].json) == lasting(asked[2].json)
    assert asked[0].json["provider_id"] == names["provider_id"]
    assert len({view["person"] for view in await client.views("joined")}) == 1


async def test_people_can_be_posted_and_bad_ones_are_refused(client: SimulatorClient) -> None:
    sales = "ACwAA" + "q" * 34
    posted = await client.call(
        "POST", "/_sim/people", json=[{"vanity": "Mary-Jackson", "sales_id": sales}]
    )
    person = posted.json["items"][0]
    assert (person["vanity"], person["sales_id"]) == ("mary-jackson", sales)
    by_sales = await client.view(sales, account="posted")
    assert by_sales.json["provider_id"] == person["provider_id"]
    assert by_sales.json["public_identifier"] == "mary-jackson"
    refused: list[object] = [
        [{}],
        [{"provider_id": sales}],
        [{"vanity": sales}],
        [{"name": "x"}],
        {},
    ]
    for wrong in refused:
        assert (await client.call("POST", "/_sim/people", json=wrong)).status == 400
