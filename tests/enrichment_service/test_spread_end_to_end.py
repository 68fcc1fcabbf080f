"""SPREAD over working hours: the whole cap within them, none outside, and not all at once."""

from enrichment_service.accounts import AccountSettings
from enrichment_service.model import Pacing, Strategy, WorkingHours
from tests.enrichment_service.outcome_stack import DAY, HOUR, MINUTE, WORKSPACE, OutcomeStack

_HOURS = WorkingHours(time_zone="UTC", start_minute=10 * 60, end_minute=12 * 60)
_CAP = 50


async def test_the_cap_is_spread_over_working_hours(stack: OutcomeStack) -> None:
    account, provider = f"{WORKSPACE}/spread", f"{stack.provider_id}-spread"
    await stack.accounts.connect(
        account,
        provider_account_id=provider,
        settings=AccountSettings(
            strategy=Strategy.VETERAN,
            ramp_start_day=stack.clock.now_ms() // DAY,
            pacing=Pacing.SPREAD,
            working_hours=_HOURS,
        ),
        request_id=None,
        body="",
    )
    await stack.create(f"{WORKSPACE}/spread", account=account)
    people = [f"spread-{number:02d}" for number in range(60)]
    await stack.submit(*people, enrichment=f"{WORKSPACE}/spread")
    afternoon_ms = (stack.clock.now_ms() // DAY * 24 + 13) * HOUR
    made: dict[int, int] = {}
    while stack.clock.now_ms() < afternoon_ms:
        await stack.advance(MINUTE)
        made[stack.clock.now_ms() % DAY // MINUTE] = len(await stack.requests(provider))
    assert made[9 * 60 + 59] == 0
    assert _CAP * 0.4 < made[10 * 60 + 59] <= _CAP * 0.5
    assert made[11 * 60 + 59] == made[13 * 60] == _CAP
