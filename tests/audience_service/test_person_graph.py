"""Merging: random views of random people against plain Python sets."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience_service.enrichment_model import ProfileData
from audience_service.model import FieldSource, Membership, MemberState, Prospect, Provenance
from audience_service.person_graph import PersonGraph

PROVIDER = "ACoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
AUDIENCES = ("a", "b")


def person(number: int, *, create_ms: int = 0) -> Prospect:
    return Prospect(
        workspace="w",
        id=f"p{number:07}",
        primary_alias=f"in:name-{number}",
        create_ms=create_ms or number,
        update_ms=0,
    )


def graph_of(people: Iterable[Prospect], memberships: Iterable[Membership] = ()) -> PersonGraph:
    prospects = {each.id: each for each in people}
    return PersonGraph(
        workspace="w",
        now_ms=1_000,
        prospects=prospects,
        leads={each.primary_alias: each.id for each in prospects.values()},
        memberships={(each.audience, each.prospect): each for each in memberships},
    )


def member(audience: str, prospect: str, state: MemberState, seq: int) -> Membership:
    return Membership(audience=audience, prospect=prospect, seq=seq, state=state, join_ms=0)


views = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), min_size=1, max_size=20)
joined = st.sets(st.tuples(st.sampled_from(AUDIENCES), st.integers(0, 7)))


@given(views=views, joined=joined, data=st.data())
def test_people_are_one_exactly_when_views_showed_the_same_id(
    views: list[tuple[int, int]], joined: set[tuple[str, int]], data: st.DataObject
) -> None:
    """Prospect n is shown to be real person m, in any order, as often as one likes."""
    truth = dict(views)
    people = [person(number) for number in range(8)]
    memberships = [
        member(audience, people[number].id, data.draw(st.sampled_from(MemberState)), seq)
        for seq, (audience, number) in enumerate(sorted(joined))
    ]
    before = Counter((each.audience, each.state) for each in memberships)
    graph = graph_of(people, memberships)
    for number, real in views:
        if truth[number] == real:
            shown = ProfileData(provider_id=f"{PROVIDER}{real}", member_id=str(100 + real))
            graph.learn([people[number].id], shown)

    for left in range(8):
        for right in range(8):
            same = left == right or (left in truth and truth.get(left) == truth.get(right))
            assert (graph.survivor(people[left].id) == graph.survivor(people[right].id)) == same
    # The oldest of each group survives.
    for real in set(truth.values()):
        group = [number for number in truth if truth[number] == real]
        assert graph.survivor(people[group[0]].id) == people[min(group)].id
    # Every audience has the same people, each once, and the counters moved along.
    expected = {(audience, graph.survivor(people[number].id)) for audience, number in joined}
    assert set(graph.memberships) == expected
    after = Counter((each.audience, each.state) for each in graph.memberships.values())
    for audience in AUDIENCES:
        for state in set(MemberState) - {MemberState.NOT_SUBMITTED}:
            change = graph.counts[audience][state.name.lower()]
            assert before[audience, state] + change == after[audience, state]
        members = sum(count for (where, _), count in before.items() if where == audience)
        left_over = sum(1 for where, _ in expected if where == audience)
        assert members + graph.counts[audience]["members"] == left_over


def test_a_vanity_alone_never_joins_anybody() -> None:
    ada, bob = person(1), person(2)
    graph = graph_of([ada, bob])
    shown = ProfileData(provider_id=f"{PROVIDER}1", member_id="101", vanity="name-2")
    graph.learn([ada.id], shown)
    assert graph.survivor(bob.id) != graph.survivor(ada.id)
    # Nobody knows yet who name-2 is: it stays where it was.
    assert graph.owner("in:name-2") == bob.id


def test_a_vanity_that_another_member_took_moves_and_the_former_owner_keeps_the_ids() -> None:
    ada, bob = person(1), person(2)
    graph = graph_of([ada, bob])
    graph.learn([ada.id], ProfileData(provider_id=f"{PROVIDER}1", member_id="101", vanity="name-1"))
    graph.learn([bob.id], ProfileData(provider_id=f"{PROVIDER}2", member_id="102", vanity="name-1"))
    assert graph.owner("in:name-1") == bob.id
    assert graph.owner("member:101") == ada.id
    assert ada.primary_alias == f"id:{PROVIDER}1"
    assert bob.primary_alias == "in:name-1"


def test_a_view_of_another_member_is_a_new_person_who_takes_the_membership() -> None:
    ada = person(1)
    ada.member_id, ada.provider_id = "101", f"{PROVIDER}1"
    graph = graph_of([ada], [member("a", ada.id, MemberState.PENDING, 1)])
    newcomer = graph.learn(
        [ada.id], ProfileData(provider_id=f"{PROVIDER}2", member_id="102", vanity="name-1")
    )
    assert newcomer is not None
    assert newcomer != ada.id
    assert set(graph.memberships) == {("a", newcomer)}
    assert ada.member_id == "101"


@pytest.mark.parametrize("first", [0, 1])
def test_the_survivor_takes_what_the_other_knows_better(first: int) -> None:
    people = [person(1), person(2)]
    older, younger = people
    older.fields = {"company": "Old & Sons", "title": "Clerk"}
    older.provenance = {
        "company": Provenance(FieldSource.IMPORT, 1),
        "title": Provenance(FieldSource.MANUAL, 1),
    }
    younger.fields = {"company": "New Ltd", "title": "Chief"}
    younger.provenance = {
        "company": Provenance(FieldSource.IMPORT, 2),
        "title": Provenance(FieldSource.ENRICHMENT, 9),
    }
    graph = graph_of(people)
    for each in (people[first], people[1 - first]):
        graph.learn([each.id], ProfileData(provider_id=f"{PROVIDER}1"))
    assert older.fields == {"company": "New Ltd", "title": "Clerk"}
    assert younger.merged_into == older.id
