"""Page sizes and page tokens."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import Code, ServiceError
from servicekit.pages import decode_page_token, encode_page_token, page_size

FILTERS: dict[str, str | int | bool] = {"parent": "workspaces/w", "state": 2}
SHAPE = {"after": int}
VALUES = st.text(max_size=20) | st.integers(-(2**63), 2**63 - 1) | st.booleans()


def refused(token: str) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        decode_page_token(token, filters=FILTERS, shape=SHAPE)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.reason == "PAGE_TOKEN_INVALID"
    assert [violation.field for violation in caught.value.violations] == ["page_token"]
    return caught.value


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_token_gives_its_position_back(position: dict[str, str | int | bool]) -> None:
    token = encode_page_token(position, filters=FILTERS)
    shape = {name: str if isinstance(value, str) else int for name, value in position.items()}
    assert decode_page_token(token, filters=FILTERS, shape=shape) == position
    reversed_filters = dict(reversed(FILTERS.items()))
    assert decode_page_token(token, filters=reversed_filters, shape=shape) == position


def test_no_token_is_the_first_page() -> None:
    assert decode_page_token("", filters=FILTERS, shape=SHAPE) is None


def test_token_of_another_request_is_refused() -> None:
    token = encode_page_token({"after": 7}, filters={**FILTERS, "state": 3})
    assert "another request" in refused(token).message


def encoded(body: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(body).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "not a token",
        "é",
        "A" * 4000,
        encoded(7),
        encoded({"p": {}}),
        encoded({"p": {"a": None}, "f": ""}),
        encoded([[[]]]),
    ],
)
def test_malformed_token_is_refused(token: str) -> None:
    assert "not one that this server made" in refused(token).message


@given(st.text(min_size=1) | st.binary(min_size=1).map(lambda raw: base64.b64encode(raw).decode()))
def test_any_other_text_is_refused(token: str) -> None:
    refused(token)


@pytest.mark.parametrize(("requested", "given_size"), [(0, 50), (1, 1), (1000, 1000), (5000, 1000)])
def test_page_size_is_coerced(requested: int, given_size: int) -> None:
    assert page_size(requested) == given_size


def test_negative_page_size_is_refused() -> None:
    with pytest.raises(ServiceError, match="page_size"):
        page_size(-1)


@pytest.mark.parametrize(
    "position", [{}, {"after": "7"}, {"after": 2**63}, {"after": 7, "more": 7}, {"before": 7}]
)
def test_position_of_another_shape_is_refused(position: dict[str, str | int | bool]) -> None:
    token = encode_page_token(position, filters=FILTERS)
    assert "not one that this server made" in refused(token).message


def test_refusal_names_the_field_that_the_token_came_in() -> None:
    with pytest.raises(ServiceError) as caught:
        decode_page_token("x", filters=FILTERS, shape=SHAPE, field="after_cursor")
    assert [violation.field for violation in caught.value.violations] == ["after_cursor"]
