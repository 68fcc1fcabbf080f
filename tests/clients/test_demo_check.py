"""The demo's judge finds what it is there to find."""

from datetime import UTC, date, datetime, timedelta

import pytest
from audience.v1.audiences_pb2 import AudienceProgress, ImportReceipt

from clients.audiencectl.caps import cap_on
from clients.audiencectl.demo_check import (
    check_caps,
    check_repeats,
    check_rows,
    repeated,
    views_by_day,
)
from clients.audiencectl.simulator import View

MONDAY = date(2026, 1, 5)


def view(
    person: str,
    *,
    account: str = "ada",
    days: float = 0.0,
    status: int = 200,
    counted: bool = True,
) -> View:
    return View(
        account=account,
        person=person,
        time=datetime(2026, 1, 5, 9, tzinfo=UTC) + timedelta(days=days),
        status=status,
        counted=counted,
    )


@pytest.mark.parametrize(
    ("strategy", "caps"),
    [
        ("new", [10, 20, 30, 40, 50, 60, 60]),
        ("established", [30, 46, 63, 80, 80]),
        ("veteran", [50, 100, 100]),
        ("recovery", [5, 8, 12, 15, 19, 22, 26, 30, 30]),
    ],
)
def test_caps_grow_by_the_week(strategy: str, caps: list[int]) -> None:
    days = [MONDAY + timedelta(weeks=week) for week in range(len(caps))]
    assert [cap_on(day, strategy=strategy, ramp_start=MONDAY) for day in days] == caps
    last = MONDAY + timedelta(days=6)
    assert cap_on(last, strategy=strategy, ramp_start=MONDAY) == caps[0]


def test_one_view_above_the_cap_is_found() -> None:
    views = [view(f"p{number}") for number in range(11)]
    accounts = {"ada": ("new", MONDAY)}
    assert check_caps(views[:10], accounts=accounts).breaches == []
    assert check_caps(views, accounts=accounts).breaches == [
        "ada: 11 views on 2026-01-05, the cap is 10"
    ]
    assert views_by_day(views, account="ada") == {MONDAY: 11}


def test_what_linkedin_did_not_count_is_no_view() -> None:
    views = [view("p", counted=False) for _ in range(20)]
    assert check_caps(views, accounts={"ada": ("new", MONDAY)}).breaches == []


def test_an_account_that_nobody_connected_is_found() -> None:
    assert check_caps([view("p")], accounts={}).breaches


def test_a_fresh_person_viewed_again_is_found() -> None:
    again = repeated([view("p"), view("q"), view("p", days=29.9)])
    assert {person: len(views) for person, views in again.items()} == {"p": 2}
    assert check_repeats(again, nameless=set()).breaches


def test_two_accounts_at_the_same_moment_are_no_excuse() -> None:
    together = repeated([view("p"), view("p", account="bob")])
    assert len(check_repeats(together, nameless=set()).breaches) == 1


def test_after_thirty_days_or_a_failure_a_person_may_be_viewed_again() -> None:
    assert repeated([view("p"), view("p", days=30)]) == {}
    assert repeated([view("p", status=500), view("p", days=0.01)]) == {}


def test_people_without_a_name_are_tried_three_times_and_no_more() -> None:
    views = [view("p", days=day) for day in range(4)]
    assert check_repeats(repeated(views[:3]), nameless={"p"}).breaches == []
    assert check_repeats(repeated(views), nameless={"p"}).breaches
    shared = [view("p", days=day, account=account) for day in range(3) for account in "ab"]
    assert check_repeats(repeated(shared), nameless={"p"}).breaches == []


def test_a_row_or_a_person_that_is_lost_is_found() -> None:
    receipt = ImportReceipt(rows=3, added=2, merged=1)
    progress = AudienceProgress(members=2, enriched=1, cached=1)
    assert check_rows({"a": (receipt, progress)}).breaches == []
    assert check_rows({"a": (ImportReceipt(rows=4, added=2, merged=1), progress)}).breaches
    lost = AudienceProgress(members=2, enriched=1)
    assert check_rows({"a": (receipt, lost)}).breaches
