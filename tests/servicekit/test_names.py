"""Resource names and random ids."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import Code, ServiceError
from servicekit.names import ID_PATTERN, ResourceName, random_id

ACCOUNT = ResourceName("workspaces/{workspace}/accounts/{account}")
IDS = st.from_regex(ID_PATTERN, fullmatch=True)


@given(IDS, IDS)
def test_parse_undoes_format(workspace: str, account: str) -> None:
    assert ACCOUNT.parse(ACCOUNT.format(workspace, account)) == (workspace, account)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "workspaces/w",
        "workspaces/w/accounts/",
        "workspaces//accounts/a",
        "workspaces/w/accounts/a/",
        "workspaces/W/accounts/a",
        "workspaces/-w/accounts/a",
        "workspaces/w/accounts/a\n",
        "workspaces/w/audiences/a",
        f"workspaces/w/accounts/{'a' * 64}",
    ],
)
def test_what_is_no_such_name_is_refused(name: str) -> None:
    with pytest.raises(ServiceError) as caught:
        ACCOUNT.parse(name, field="account")
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.violations[0].field == "account"
    assert ACCOUNT.pattern in caught.value.message


@pytest.mark.parametrize("ids", [("w", "A"), ("w", ""), ("w", "a/b"), ("w",), ("w", "a", "b")])
def test_only_ids_make_a_name(ids: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="not ids of"):
        ACCOUNT.format(*ids)


def test_random_ids_are_ids_and_differ() -> None:
    ids = {random_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(re.fullmatch(r"[a-z][0-9a-hjkmnp-tv-z]{12}", one) for one in ids)
    assert all(re.fullmatch(ID_PATTERN, one) for one in ids)
