"""Reading answers that the simulator does not give: nothing in them is trusted."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment_service.identifiers import fold_identifier
from enrichment_service.model import ConnectionDegree
from enrichment_service.provider_answers import read_error_type, read_profile, read_retry_after
from enrichment_service.view_results import Finding, ViewedProfile

PROVIDER_ID = "ACoAAAcDMMQBabcdefghijklmnopqrstuvwxyz0"
SALES_ID = "ACwAAAcDMMQBabcdefghijklmnopqrstuvwxyz0"


def body(**fields: object) -> bytes:
    answer: dict[str, Any] = {
        "object": "UserProfile",
        "provider_id": PROVIDER_ID,
        "public_identifier": "ada-lovelace",
        "first_name": "Ada",
        "last_name": "Lovelace",
    }
    return orjson.dumps(answer | fields)


def profile(*, asked: str = PROVIDER_ID, **fields: object) -> ViewedProfile:
    reading = read_profile(body(**fields), asked=asked)
    assert reading.profile is not None
    return reading.profile


@pytest.mark.parametrize(
    ("asked", "told", "same"),
    [
        ("ADA-Lovelace", "ada-lovelace", True),
        ("jose\u0301", "JOS\u00c9", True),
        ("josé-garcía", "jos%C3%A9-garc%C3%ADa", True),
        ("100%-real", "100%25-real", True),
        ("a%2fb", "a%2Fb", True),
        ("straße", "STRASSE", True),
        ("ada-lovelace", "ada-lovelace-1", False),
        ("ada-lovelace", None, False),
        (PROVIDER_ID, "anything", True),
        (PROVIDER_ID, None, True),
        (PROVIDER_ID[:-1] + "Z", "ada-lovelace", False),
        (PROVIDER_ID.lower(), "ada-lovelace", False),
        (SALES_ID, "anything", True),
    ],
)
def test_what_came_back_must_be_what_was_asked(asked: str, told: str | None, same: bool) -> None:
    reading = read_profile(body(public_identifier=told), asked=asked)
    assert reading.finding is (Finding.COMPLETE if same else Finding.ANOTHER_MEMBER)
    assert (reading.profile is not None) == same


def test_who_is_known_by_an_id_may_have_changed_their_name() -> None:
    renamed = body(public_identifier="ada-king")
    assert read_profile(renamed, asked="ada-lovelace").finding is Finding.ANOTHER_MEMBER
    known = read_profile(renamed, asked="ada-lovelace", known_id=PROVIDER_ID)
    assert known.finding is Finding.COMPLETE
    assert known.profile is not None
    assert known.profile.public_identifier == "ada-king"
    other = PROVIDER_ID[:-1] + "Z"
    reading = read_profile(renamed, asked="ada-lovelace", known_id=other)
    assert reading.finding is Finding.ANOTHER_MEMBER


def test_the_url_tells_the_vanity_when_nothing_else_does() -> None:
    url = "https://de.linkedin.com/in/Jos%C3%A9-garcia/"
    found = profile(asked="josé-garcia", public_identifier=None, public_profile_url=url)
    assert found.public_identifier == "josé-garcia"
    assert found.public_profile_url == "https://www.linkedin.com/in/jos%C3%A9-garcia"


@pytest.mark.parametrize("told", [PROVIDER_ID, "a/b", "ab", "x" * 101, "a b c", ""])
def test_no_vanity_is_made_of_what_cannot_be_one(told: str) -> None:
    assert profile(public_identifier=told).public_identifier == ""


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"null",
        b"1",
        b"{}",
        body(object="CompanyProfile"),
        body(provider_id=None),
        body(provider_id="117649604"),
        body(provider_id={"id": PROVIDER_ID}),
    ],
)
def test_anything_else_is_no_profile(content: bytes) -> None:
    assert read_profile(content, asked=PROVIDER_ID).finding is Finding.NOT_A_PROFILE


@pytest.mark.parametrize("content", [b"", b"{", b"<html>", b"\xff", b"[" * 100_000, b"NaN"])
def test_what_is_not_json_is_broken(content: bytes) -> None:
    assert read_profile(content, asked=PROVIDER_ID).finding is Finding.BROKEN_BODY
    assert read_error_type(content) is None


def test_the_current_job_is_the_first_without_an_end() -> None:
    jobs = [
        "no job",
        {"company": "Old", "position": "Clerk", "end": "1/1/2020"},
        {"company": "Analytical Engines", "position": "CTO", "end": None},
        {"company": "Second", "position": "Adviser", "end": None},
    ]
    found = profile(work_experience=jobs)
    assert (found.company, found.title) == ("Analytical Engines", "CTO")
    assert profile(work_experience=jobs[:2]).company == ""
    assert profile(work_experience=None).company == ""


@pytest.mark.parametrize("names", [(None, None), ("", " "), ("LinkedIn", "Member")])
def test_members_without_a_name(names: tuple[str | None, str | None]) -> None:
    content = body(first_name=names[0], last_name=names[1], headline="LinkedIn Member")
    reading = read_profile(content, asked=PROVIDER_ID)
    assert reading.finding is Finding.NAMES_WITHHELD
    assert reading.profile == profile(first_name=None, last_name=None)


def test_one_name_is_a_name() -> None:
    content = body(last_name=None)
    assert read_profile(content, asked=PROVIDER_ID).finding is Finding.COMPLETE


@pytest.mark.parametrize(
    ("fields", "degree"),
    [
        ({"network_distance": "SECOND_DEGREE"}, ConnectionDegree.SECOND),
        ({"network_distance": None, "is_relationship": True}, ConnectionDegree.FIRST),
        ({"network_distance": "FOURTH_DEGREE"}, None),
        ({}, None),
    ],
)
def test_connection_degree(fields: dict[str, Any], degree: ConnectionDegree | None) -> None:
    assert profile(**fields).connection_degree is degree


@pytest.mark.parametrize(
    ("told", "taken"), [(14, 14), (0, 0), (-1, None), (True, None), ("14", None), (2**31, None)]
)
def test_shared_connections(told: object, taken: int | None) -> None:
    assert profile(shared_connections_count=told).shared_connections_count == taken


@pytest.mark.parametrize(
    ("url", "expire_ms"),
    [
        ("https://m.example/p?e=1736380800&v=b", 1_736_380_800_000),
        ("https://m.example/p?v=b&e=5", 5000),
        ("https://m.example/p?size=5", None),
        ("https://m.example/p?e=99999999999999999999", None),
    ],
)
def test_picture_and_its_expiry(url: str, expire_ms: int | None) -> None:
    found = profile(profile_picture_url=url, profile_picture_url_large=None)
    assert (found.picture_url, found.picture_expire_ms) == (url, expire_ms)


def test_urls_that_are_not_https_are_dropped() -> None:
    assert profile(profile_picture_url="javascript:alert(1)").picture_url == ""


def test_member_ids_are_numbers() -> None:
    assert profile(member_urn="urn:li:member:117649604").member_id == "117649604"
    assert profile(member_urn=117649604).member_id == "117649604"
    assert profile(member_urn="none").member_id == ""


def test_texts_are_one_line_and_not_endless() -> None:
    found = profile(first_name=" A\x00da\n\u2028B ", headline="x" * 5000, location=["London"])
    assert found.first_name == "A da B"
    assert (len(found.headline), found.location) == (1000, "")


def test_texts_do_not_turn_what_is_around_them() -> None:
    found = profile(first_name="\u202eAda\u202c", headline="\u2066Countess\u2069 of code")
    assert (found.first_name, found.headline) == ("Ada", "Countess of code")
    # An id is taken as it is, or not at all.
    turned = read_profile(body(provider_id=f"\u202e{PROVIDER_ID}"), asked=PROVIDER_ID)
    assert turned.finding is Finding.NOT_A_PROFILE


@pytest.mark.parametrize(
    ("content", "error_type"),
    [
        (b'{"type":"errors/limit_exceeded"}', "limit_exceeded"),
        (b'{"type":"limit_exceeded"}', None),
        (b'{"type":"errors/Ada Lovelace"}', None),
        (b'{"type":7}', None),
        (b"[]", None),
    ],
)
def test_error_types_are_words_that_can_be_logged(content: bytes, error_type: str | None) -> None:
    assert read_error_type(content) == error_type


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [
        ("120", 120_000),
        (" 7 ", 7000),
        ("999999999999", 999_999_999_999_000),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 5000, 999_999_999_999_000),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 59_000),
        ("Thu, 01 Jan 1970 00:00:01 GMT", None),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
        ("tomorrow", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(header: str | None, wait_ms: int | None) -> None:
    assert read_retry_after(header, now_ms=1000) == wait_ms


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = [
    *("provider_id", "public_identifier", "public_profile_url", "member_urn"),
    *("first_name", "last_name", "headline", "location", "work_experience"),
    *("profile_picture_url", "profile_picture_url_large", "throttled_sections"),
    *("is_relationship", "network_distance", "shared_connections_count"),
]


@given(
    fields=st.dictionaries(st.sampled_from(_FIELDS), _JSON),
    asked=st.sampled_from([PROVIDER_ID, SALES_ID, "ada-lovelace"]),
)
def test_any_json_is_read(fields: dict[str, Any], asked: str) -> None:
    try:
        content = body(**fields)
    except orjson.JSONEncodeError:
        return
    reading = read_profile(content, asked=asked)
    if reading.profile is not None and asked != SALES_ID:
        ids = (reading.profile.provider_id, reading.profile.public_identifier)
        assert fold_identifier(asked) in ids


@given(header=st.text())
def test_any_retry_after_is_read(header: str) -> None:
    wait = read_retry_after(header, now_ms=0)
    assert wait is None or wait > 0
