"""Partial answers: kept, tried later, given up after three, never taken for the whole."""

import pytest

from enrichment_service.enrichments import Submission
from enrichment_service.model import ProfileState
from tests.enrichment_service.outcome_stack import DAY, HOUR, WORKSPACE, OutcomeStack

LATER = f"{WORKSPACE}/later"


@pytest.mark.parametrize("action", ["throttle", "null_names"])
async def test_given_up_after_three_and_never_cached_as_complete(
    stack: OutcomeStack, action: str
) -> None:
    await stack.fault(action)
    profiles = await stack.submit("ada-lovelace")
    await stack.quiet()
    waits = []
    charged = []
    while (wait := await stack.due_ms()) is not None:
        progress = await stack.progress()
        assert (progress.pending, progress.partial) == (1, 0)
        waits.append(wait)
        charged.append((await stack.budget()).committed)
        await stack.advance(wait)
    assert waits == [6 * HOUR, DAY]
    assert charged == [1, 2]
    assert len(await stack.requests()) == 3
    # The third came on the next day.
    assert (await stack.budget()).committed == 1
    progress = await stack.progress()
    assert (progress.pending, progress.partial, progress.enriched) == (0, 1, 0)
    assert (await stack.account()).counted_errors == 0
    await stack.check_pause(None)
    events = await stack.events("PROFILE_PARTIAL")
    assert [event.get("x", False) for event in events] == [False, False, True]
    (known,) = await stack.cached(profiles)
    assert known["provider_id"].startswith("ACoAA")
    assert not known["viewed"]
    assert ("company" in known) == (action == "null_names")
    assert ("first_name" in known) == (action == "throttle")

    await stack.create(LATER)
    (submitted,) = await stack.enrichments.submit(
        LATER, [Submission(identifiers=("ada-lovelace",), reference="")]
    )
    assert submitted.state is ProfileState.PENDING
    assert submitted.profile == profiles[0]


@pytest.mark.parametrize("action", ["throttle", "null_names"])
async def test_the_whole_answer_that_comes_later_is_cached(
    stack: OutcomeStack, action: str
) -> None:
    await stack.fault(action, match_times=2)
    profiles = await stack.submit("ada-lovelace")
    await stack.quiet()
    await stack.advance(6 * HOUR)
    await stack.advance(DAY)
    (known,) = await stack.cached(profiles)
    assert known["viewed"]
    assert {"first_name", "company"} <= known.keys()
    progress = await stack.progress()
    assert (progress.pending, progress.partial, progress.enriched) == (0, 0, 1)
    await stack.create(LATER)
    (submitted,) = await stack.enrichments.submit(
        LATER, [Submission(identifiers=("Ada-Lovelace",), reference="")]
    )
    assert submitted.state is ProfileState.CACHED


@pytest.mark.parametrize("action", ["throttle", "null_names"])
async def test_a_partial_answer_never_overwrites_better_data(
    stack: OutcomeStack, action: str
) -> None:
    profiles = await stack.submit("ada-lovelace")
    await stack.quiet()
    (before,) = await stack.cached(profiles)
    await stack.advance(31 * DAY)
    await stack.fault(action)
    await stack.create(LATER)
    await stack.submit("ada-lovelace", enrichment=LATER)
    await stack.quiet()
    assert len(await stack.requests()) == 2
    (after,) = await stack.cached(profiles)
    for field in ("first_name", "last_name", "headline", "company", "title"):
        assert after[field] == before[field]
    # It was seen whole a month ago, and is no fresher for the half answer.
    assert len(await stack.events("PROFILE_PARTIAL")) == 1
    assert (await stack.budget()).committed == 1


async def test_another_members_data_reach_nobody(stack: OutcomeStack) -> None:
    await stack.fault("another_member")
    profiles = await stack.submit("ada-lovelace", "grace-hopper")
    await stack.quiet()
    assert await stack.cached(profiles) == [{}, {}]
    assert (await stack.account()).counted_errors == 2
    await stack.check_books(charged=2)
