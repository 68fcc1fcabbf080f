"""Ids of prospects: none twice, and those who come later stand behind those who came before."""

from itertools import islice

from audience_service.provenance import new_prospect_ids


def test_ids_are_all_different_and_of_one_shape() -> None:
    ids = list(islice(new_prospect_ids(1_767_600_000_000), 10_000))
    ids += islice(new_prospect_ids(1_767_600_000_000), 10_000)
    assert len(set(ids)) == 20_000
    assert {len(each) for each in ids} == {20}
    assert all(set(each) <= set("0123456789abcdef") for each in ids)


def test_who_comes_later_stands_behind() -> None:
    earlier = islice(new_prospect_ids(1_767_600_000_999), 1_000)
    later = islice(new_prospect_ids(1_767_600_001_000), 1_000)
    assert max(earlier) < min(later)
