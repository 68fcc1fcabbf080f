"""What breaks in our own code on one person's answer does not stop the account."""

from dataclasses import replace

import pytest

from enrichment_service.policy.outcomes import RETRY_DELAYS_MS
from enrichment_service.ports import ProfileSource
from enrichment_service.store.store import Store
from enrichment_service.view_results import ViewResult
from servicekit.clock import SteppedClock
from tests.enrichment_service.outcome_stack import working
from tests.support.simulator_client import SimulatorClient


class Breaking:
    """Passes views on, and breaks on one person: while viewing, or with what it brings."""

    def __init__(self, source: ProfileSource, *, person: str, at_once: bool) -> None:
        self._source = source
        self._person = person
        self._at_once = at_once

    async def view(
        self, *, provider_account_id: str, identifier: str, known_id: str, deadline_seconds: float
    ) -> ViewResult:
        if identifier == self._person and self._at_once:
            raise LookupError("nobody thought of this")
        result = await self._source.view(
            provider_account_id=provider_account_id,
            identifier=identifier,
            known_id=known_id,
            deadline_seconds=deadline_seconds,
        )
        if identifier == self._person and result.profile is not None:
            # No UTF-8 can say this, so no request to the store can carry it.
            broken = replace(result.profile, headline="\ud800")
            return replace(result, profile=broken)
        return result


@pytest.mark.parametrize("at_once", [True, False], ids=["view", "report"])
async def test_one_person_who_breaks_us_fails_in_the_end_and_holds_up_nobody(
    store: Store,
    clock: SteppedClock,
    linkedin_client: SimulatorClient,
    provider_id: str,
    at_once: bool,
) -> None:
    async with working(
        store=store,
        clock=clock,
        sim=linkedin_client,
        provider_id=provider_id,
        wrap=lambda source: Breaking(source, person="odd-one", at_once=at_once),
    ) as stack:
        await stack.submit("odd-one", "second", "third")
        # The lease of a tick that broke would have to run out first: there is none to wait for.
        await stack.quiet()
        progress = await stack.progress()
        assert (progress.enriched, progress.pending) == (2, 1)
        for delay in RETRY_DELAYS_MS:
            await stack.advance(delay)
        progress = await stack.progress()
        assert (progress.enriched, progress.failed, progress.pending) == (2, 1, 0)
        (failed,) = await stack.events("PROFILE_FAILED")
        assert failed["f"] == "ATTEMPTS_EXHAUSTED"
