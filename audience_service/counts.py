"""Audience counts: one call to LinkedIn for all who ask the same at the same time."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from typing import Final

from audience_service.errors import QUOTA_EXHAUSTED
from audience_service.model import AudienceSize
from audience_service.ports import LinkedInAds
from audience_service.targeting import TargetingCriteria, TargetingError, count_query
from servicekit.clock import Clock
from servicekit.errors import (
    Code,
    FieldViolation,
    ServiceError,
    invalid_fields,
    resource_exhausted,
)

_KEEP_SECONDS: Final = 60.0
_KEEP_ANSWERS: Final = 1_000
_DAY_MS: Final = 86_400_000

# A question: a hash of the token, and the encoded criteria. The token itself is never kept.
_Question = tuple[bytes, str]


class AudienceCounts:
    """Use case of GetAudienceCount."""

    def __init__(self, *, ads: LinkedInAds, clock: Clock) -> None:
        self._ads = ads
        self._clock = clock
        self._answers: OrderedDict[_Question, tuple[float, AudienceSize]] = OrderedDict()
        self._in_flight: dict[_Question, asyncio.Task[AudienceSize]] = {}
        self._silent_until_ms = 0

    async def count(self, criteria: TargetingCriteria, *, token: str) -> AudienceSize:
        """Count members; an answer is good for a minute, for the same token only."""
        if not token:
            raise ServiceError(
                code=Code.UNAUTHENTICATED,
                reason="LINKEDIN_TOKEN_MISSING",
                message="Send the LinkedIn access token as request metadata linkedin-token.",
            )
        try:
            query = count_query(criteria)
        except TargetingError as error:
            raise _invalid(error) from error
        question = hashlib.sha256(token.encode()).digest(), query
        kept = self._answers.get(question)
        if kept is not None and time.monotonic() - kept[0] < _KEEP_SECONDS:
            return kept[1]
        self._check_quota()
        task = self._in_flight.get(question)
        if task is None:
            task = asyncio.create_task(self._ask(question, token=token))
            self._in_flight[question] = task
            task.add_done_callback(lambda done: self._settle(question, done))
        # Shielded: others may wait for the same answer when this caller leaves.
        return await asyncio.shield(task)

    @property
    def silence_ms(self) -> int:
        """How long nothing is asked of LinkedIn, because the day's quota is used up; or 0."""
        return max(0, self._silent_until_ms - self._clock.now_ms())

    async def close(self) -> None:
        """Give up the calls under way."""
        tasks = list(self._in_flight.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _settle(self, question: _Question, done: asyncio.Task[AudienceSize]) -> None:
        self._in_flight.pop(question, None)
        if not done.cancelled():
            # Looked at, or asyncio would report it when every caller has left.
            done.exception()

    async def _ask(self, question: _Question, *, token: str) -> AudienceSize:
        try:
            size = await self._ads.count(question[1], token=token)
        except ServiceError as error:
            if error.reason == QUOTA_EXHAUSTED:
                now_ms = self._clock.now_ms()
                self._silent_until_ms = now_ms - now_ms % _DAY_MS + _DAY_MS
                self._check_quota()
            raise
        self._answers[question] = time.monotonic(), size
        self._answers.move_to_end(question)
        if len(self._answers) > _KEEP_ANSWERS:
            self._answers.popitem(last=False)
        return size

    def _check_quota(self) -> None:
        """(domain: the day's quota ends all calls until 00:00 UTC)"""
        left_ms = self.silence_ms
        if left_ms:
            raise resource_exhausted(
                QUOTA_EXHAUSTED,
                "LinkedIn's quota of audience counts is used up for today. Ask again after "
                "00:00 UTC.",
                retry_after_ms=left_ms,
            )


def _invalid(error: TargetingError) -> ServiceError:
    return invalid_fields(
        [
            FieldViolation(field=f"criteria.{each.field}", description=each.message)
            for each in error.problems
        ]
    )
