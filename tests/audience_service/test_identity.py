"""One alias for all spellings of one person, and never one for two."""

from unicodedata import normalize
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience_service.identity import Identity, Rejection, canonical, canonical_url

_PROVIDER_ID = "ACoAAAcDMMQBo7X_2y-Zk1mPq0rStUvWxYz0123"
_SALES_ID = "ACwAAAcDMMQBo7X_2y-Zk1mPq0rStUvWxYz0123"

_LETTERS = st.characters(
    categories=["Ll", "Lo", "Nd", "Mn"], include_characters="-_%~.'&!", max_codepoint=0x2FFF
)
_WORDS = st.text(_LETTERS, min_size=3, max_size=20)
_KEYS = st.text("ABCabc012_-", min_size=20, max_size=34)
_PREFIXES = st.sampled_from(
    ("https://www.", "http://", "", "m.", "HTTPS://WWW.", "https://uk.", "bra.", "//www.")
)
_PATHS = st.sampled_from(("/in/", "/IN/", "/mwlite/in/", "//in/"))
_SUFFIXES = st.sampled_from(
    (
        "",
        "/",
        "/en",
        "/?trk=x",
        "?a=b&c=%E9",
        "#top",
        "/details/experience/",
        "/recent-activity/all",
    )
)
_BLANKS = st.sampled_from(("", " ", "\t", "\u00a0", "\ufeff", "\u200b", "\r\n"))


@st.composite
def spellings(draw: st.DrawFn, name: str) -> str:
    """Spell the URL of a vanity or an opaque id in one of the ways that files do."""
    host = draw(st.sampled_from(("linkedin.com", "LinkedIn.com", "linkedin.com:443")))
    path = quote(name, safe="") if draw(st.booleans()) or "%" in name else name
    url = f"{draw(_PREFIXES)}{host}{draw(_PATHS)}{path}{draw(_SUFFIXES)}"
    return f"{draw(_BLANKS)}{url}{draw(_BLANKS)}"


@pytest.mark.parametrize(
    ("raw", "alias"),
    [
        ("https://www.linkedin.com/in/ada-lovelace", "in:ada-lovelace"),
        ("LINKEDIN.COM/IN/ADA-LOVELACE/", "in:ada-lovelace"),
        ("https://uk.linkedin.com/in/ada-lovelace/en?trk=x#y", "in:ada-lovelace"),
        ("https://de.linkedin.com/mwlite/in/ada-lovelace", "in:ada-lovelace"),
        ("https%3A%2F%2Fwww.linkedin.com%2Fin%2Fada-lovelace", "in:ada-lovelace"),
        ("https://www.linkedin.com/in/jos%C3%A9-garc%C3%ADa", "in:josé-garcía"),
        ("https://www.linkedin.com/in/JOSE\u0301-garci\u0301a", "in:josé-garcía"),
        ("https://www.linkedin.com/in/михаил-петров-559b70240", "in:михаил-петров-559b70240"),
        ("https://www.linkedin.com/in/100%-real", "in:100%-real"),
        ("https://www.linkedin.com/in/ada-lovelace\u200b/", "in:ada-lovelace"),
        ("https://www.linkedin.com/in/\u202aada\u00ad-lovelace\u202c?trk=x", "in:ada-lovelace"),
        ("https://www.linkedin.com/in/ada-lovelace%E2%80%8B", "in:ada-lovelace"),
        ("https://www.linkedin.com/in/می\u200cخواهم", "in:می\u200cخواهم"),
        ("https://www.linkedin.com/in/acwa", "in:acwa"),
        ("https://www.linkedin.com/in/acoaaacdmmqb-jones", "in:acoaaacdmmqb-jones"),
        (f"https://www.linkedin.com/in/{_PROVIDER_ID}", f"id:{_PROVIDER_ID}"),
        (f"https://www.linkedin.com/in/{_SALES_ID}/", f"sales:{_SALES_ID}"),
        (f"https://www.linkedin.com/sales/lead/{_SALES_ID},NAME_SEARCH,a1", f"sales:{_SALES_ID}"),
        (f"https://www.linkedin.com/sales/people/{_SALES_ID}%2CNAME", f"sales:{_SALES_ID}"),
        ("https://www.linkedin.com/talent/profile/AEMAAAbc123", "talent:AEMAAAbc123"),
        ("https://www.linkedin.com/profile/view?id=0123&trk=x", "member:123"),
        ("https://www.linkedin.com/profile/view?id=AAkAAAbc", "view:AAkAAAbc"),
        (f"https://www.linkedin.com/profile/view?id={_PROVIDER_ID}", f"id:{_PROVIDER_ID}"),
        ("http://www.linkedin.com/pub/Ada-Lovelace/1/2A/3b", "pub:ada-lovelace/1/2a/3b"),
        (_PROVIDER_ID, f"id:{_PROVIDER_ID}"),
        (_SALES_ID, f"sales:{_SALES_ID}"),
        (f"urn:li:fsd_profile:{_PROVIDER_ID}", f"id:{_PROVIDER_ID}"),
        (f"urn:li:fs_salesProfile:({_SALES_ID},NAME_SEARCH,tok)", f"sales:{_SALES_ID}"),
        (f"urn%3Ali%3Afsd_profile%3A{_PROVIDER_ID}", f"id:{_PROVIDER_ID}"),
        ("urn:li:member:123", "member:123"),
    ],
)
def test_every_known_form_names_its_person(raw: str, alias: str) -> None:
    assert canonical(raw) == Identity(alias)


@pytest.mark.parametrize(
    ("raw", "rejection"),
    [
        ("", Rejection.NO_URL),
        (" \u00a0\t\ufeff", Rejection.NO_URL),
        ("not a url", Rejection.NOT_LINKEDIN),
        ("none", Rejection.NOT_LINKEDIN),
        ("https://notlinkedin.com/in/somebody", Rejection.NOT_LINKEDIN),
        ("https://linkedin.com.example.org/in/somebody", Rejection.NOT_LINKEDIN),
        ("https://www.linkedin.com@example.org/in/somebody", Rejection.NOT_LINKEDIN),
        ("https://example.org/linkedin.com/in/somebody", Rejection.NOT_LINKEDIN),
        ("https://example.org?linkedin.com/in/somebody", Rejection.NOT_LINKEDIN),
        ("ftp://www.linkedin.com/in/somebody", Rejection.NOT_LINKEDIN),
        ("mailto:ada@linkedin.com", Rejection.NOT_LINKEDIN),
        ("http://[::1/in/somebody", Rejection.NOT_LINKEDIN),
        ("https://www.linkedin.com", Rejection.NOT_A_PERSON),
        ("https://www.linkedin.com/company/acme", Rejection.NOT_A_PERSON),
        ("https://www.linkedin.com/in/ada-lovelace&trk=x", Rejection.MALFORMED),
        ("https://www.linkedin.com/school/mit/people/", Rejection.NOT_A_PERSON),
        ("https://www.linkedin.com/feed/", Rejection.NOT_A_PERSON),
        ("https://www.linkedin.com/posts/ada_x-activity-1", Rejection.NOT_A_PERSON),
        ("https://www.linkedin.com/sales/company/1", Rejection.NOT_A_PERSON),
        ("https://www.linkedin.com/pub/dir/Ada/Lovelace", Rejection.NOT_A_PERSON),
        ("urn:li:organization:1337", Rejection.NOT_A_PERSON),
        ("urn:li:person:AbC123", Rejection.NOT_A_PERSON),
        ("https://www.linkedin.com/in/unavailable/", Rejection.UNAVAILABLE),
        ("https://www.linkedin.com/in/UNAVAILABLE", Rejection.UNAVAILABLE),
        ("https://www.linkedin.com/in/", Rejection.MALFORMED),
        ("https://www.linkedin.com/in/ab", Rejection.MALFORMED),
        (f"https://www.linkedin.com/in/{'a' * 101}", Rejection.MALFORMED),
        ("https://www.linkedin.com/in/ada lovelace", Rejection.MALFORMED),
        ("https://www.linkedin.com/in/ada\nlovelace", Rejection.MALFORMED),
        ("https://www.linkedin.com/in/ada%2Flovelace", Rejection.MALFORMED),
        ("https://www.linkedin.com/in/ada%00lovelace", Rejection.MALFORMED),
        ("https://www.linkedin.com/in/jos%E9", Rejection.MALFORMED),
        ("https://www.linkedin.com/in/ada\ud800", Rejection.MALFORMED),
        ("https://www.linkedin.com/sales/lead/123", Rejection.MALFORMED),
        ("https://www.linkedin.com/profile/view", Rejection.MALFORMED),
        ("https://www.linkedin.com/pub/ada/1/2", Rejection.MALFORMED),
        ("urn:li:member:0", Rejection.MALFORMED),
        ("urn:li:fsd_profile:ada", Rejection.MALFORMED),
    ],
)
def test_what_is_no_person_says_why(raw: str, rejection: Rejection) -> None:
    assert canonical(raw) is rejection


@pytest.mark.parametrize(
    ("alias", "identifier"),
    [
        ("in:josé", "josé"),
        (f"id:{_PROVIDER_ID}", _PROVIDER_ID),
        (f"sales:{_SALES_ID}", _SALES_ID),
        ("member:123", None),
        ("talent:AEMAAAbc123", None),
        ("pub:ada/1/2/3", None),
        ("view:AAkAAAbc", None),
    ],
)
def test_only_vanities_and_opaque_ids_can_be_viewed(alias: str, identifier: str | None) -> None:
    assert Identity(alias).identifier == identifier
    assert canonical(canonical_url(alias)) == Identity(alias)


@pytest.mark.parametrize("text", ["", "ada", "in:", "other:ada"])
def test_only_aliases_have_a_url(text: str) -> None:
    with pytest.raises(ValueError, match="not an alias"):
        canonical_url(text)


@given(st.data(), _WORDS)
def test_all_spellings_of_a_vanity_give_one_alias(data: st.DataObject, name: str) -> None:
    respelled = data.draw(st.sampled_from((name, normalize("NFD", name), normalize("NFC", name))))
    plain = canonical(f"https://www.linkedin.com/in/{quote(name, safe='')}")

    assert canonical(data.draw(spellings(respelled))) == plain
    if name.isascii():
        assert canonical(data.draw(spellings(name.upper()))) == plain


@given(st.data(), _KEYS, st.sampled_from(("ACoAA", "ACwAA")))
def test_opaque_ids_keep_their_case(data: st.DataObject, key: str, prefix: str) -> None:
    kind = "id" if prefix == "ACoAA" else "sales"

    assert canonical(data.draw(spellings(prefix + key))) == Identity(f"{kind}:{prefix}{key}")


@given(_WORDS, _WORDS)
def test_two_vanities_share_an_alias_only_if_they_differ_in_case(one: str, other: str) -> None:
    same_name = _caseless(one) == _caseless(other)
    found = [canonical(f"linkedin.com/in/{quote(name, safe='')}") for name in (one, other)]

    if all(isinstance(each, Identity) for each in found):
        assert (found[0] == found[1]) is same_name


@given(_KEYS, _KEYS)
def test_two_opaque_ids_never_share_an_alias(one: str, other: str) -> None:
    found = {canonical(f"ACoAA{one}"), canonical(f"ACoAA{other}"), canonical(f"ACwAA{one}")}

    assert len(found) == (2 if one == other else 3)


@given(
    st.sampled_from(
        ("", "https://", "linkedin.com/in/", "linkedin.com/pub/", "urn:li:", "http://[")
    ),
    st.text(st.characters(exclude_categories=())),
)
def test_any_text_gives_an_alias_that_survives_its_own_url_or_a_reason(
    start: str, text: str
) -> None:
    found = canonical(start + text)

    assert isinstance(found, Rejection) or canonical(canonical_url(found.alias)) == found


def _caseless(name: str) -> str:
    return normalize("NFD", normalize("NFD", name).casefold())
