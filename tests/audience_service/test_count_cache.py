"""Audience counts are asked once for all who ask the same, kept a minute, and per token."""

import asyncio

import pytest

from audience_service import counts as counts_module
from audience_service.counts import AudienceCounts
from audience_service.model import AudienceSize
from audience_service.targeting import Clause, Facet, TargetingCriteria
from servicekit.clock import SteppedClock
from servicekit.errors import ServiceError, resource_exhausted, unavailable


def criteria(skill: int) -> TargetingCriteria:
    facet = Facet("urn:li:adTargetingFacet:skills", (f"urn:li:skill:{skill}",))
    return TargetingCriteria(include=(Clause((facet,)),))


class Ads:
    """LinkedIn, answering the number of the question once it may."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.begun = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.refusal: ServiceError | None = None

    async def count(self, query: str, *, token: str) -> AudienceSize:
        self.asked.append((token, query))
        number = len(self.asked)
        self.begun.set()
        await self.may_answer.wait()
        if self.refusal is not None:
            raise self.refusal
        return AudienceSize(total=300 + number, active=0)


@pytest.fixture
async def ads() -> Ads:
    return Ads()


@pytest.fixture
async def counts(ads: Ads, clock: SteppedClock) -> AudienceCounts:
    return AudienceCounts(ads=ads, clock=clock)


async def test_an_answer_is_kept_for_its_token_and_for_a_while(
    ads: Ads, counts: AudienceCounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await counts.count(criteria(1), token="mine")
    assert await counts.count(criteria(1), token="mine") == first
    assert len(ads.asked) == 1
    assert await counts.count(criteria(1), token="theirs") != first
    assert await counts.count(criteria(2), token="mine") != first
    assert len(ads.asked) == 3
    monkeypatch.setattr(counts_module, "_KEEP_SECONDS", 0.0)
    assert await counts.count(criteria(1), token="mine") != first


async def test_few_answers_are_kept_the_oldest_go(
    ads: Ads, counts: AudienceCounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts_module, "_KEEP_ANSWERS", 2)
    for skill in (1, 2, 3, 3, 2):
        await counts.count(criteria(skill), token="mine")
    assert len(ads.asked) == 3
    await counts.count(criteria(1), token="mine")
    assert len(ads.asked) == 4


async def test_one_call_is_in_flight_and_outlives_the_caller_who_began_it(
    ads: Ads, counts: AudienceCounts
) -> None:
    ads.may_answer.clear()
    callers = [asyncio.create_task(counts.count(criteria(1), token="mine")) for _ in range(5)]
    await ads.begun.wait()
    callers[0].cancel()
    ads.may_answer.set()
    first, *others = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert others == [AudienceSize(total=301, active=0)] * 4
    assert len(ads.asked) == 1


async def test_a_refusal_is_told_to_all_who_wait_and_not_kept(
    ads: Ads, counts: AudienceCounts
) -> None:
    ads.refusal = unavailable("LINKEDIN_UNAVAILABLE", "Later.")
    waiting = [counts.count(criteria(1), token="mine") for _ in range(3)]
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert answers == [ads.refusal] * 3
    assert len(ads.asked) == 1
    ads.refusal = None
    assert (await counts.count(criteria(1), token="mine")).total == 302


async def test_silence_ends_at_midnight_and_what_is_kept_is_still_told(
    ads: Ads, counts: AudienceCounts, clock: SteppedClock
) -> None:
    kept = await counts.count(criteria(1), token="mine")
    ads.refusal = resource_exhausted("LINKEDIN_QUOTA_EXHAUSTED", "Enough.")
    # The clock stands at 09:00 UTC.
    for token in ("mine", "theirs"):
        with pytest.raises(ServiceError) as refused:
            await counts.count(criteria(2), token=token)
        assert refused.value.retry_after_ms == 15 * 3_600_000
    assert len(ads.asked) == 2
    assert await counts.count(criteria(1), token="mine") == kept
    ads.refusal = None
    clock.advance_by(15 * 3_600_000 - 1)
    with pytest.raises(ServiceError):
        await counts.count(criteria(2), token="mine")
    clock.advance_by(1)
    assert (await counts.count(criteria(2), token="mine")).total == 303
