"""What the provider says about an account: which pauses it begins, which it ends, which never."""

from itertools import product

import pytest

from enrichment_service.account_status import ENDS, HALTS, AccountStatuses, StatusPolls
from enrichment_service.model import AccountStatus, Pause, PauseReason
from enrichment_service.ports import KeyRefusedError
from enrichment_service.provider import ConnectedAccountProvider
from servicekit.clock import SystemClock
from tests.enrichment_service.outcome_stack import DAY, HOUR, MINUTE, OutcomeStack
from tests.support.simulator_client import SimulatorClient
from tests.support.simulator_process import KEY

# An error that brings about each pause that waits for a person, and who may end it.
WAITING = {
    "expired_credentials": PauseReason.ACCOUNT_DISCONNECTED,
    "checkpoint_error": PauseReason.CHECKPOINT,
    "account_restricted": PauseReason.ACCOUNT_RESTRICTED,
    "feature_not_subscribed": PauseReason.CONFIGURATION,
}
ENDED_BY = {
    PauseReason.ACCOUNT_DISCONNECTED: {"OK", "SYNC_SUCCESS", "RECONNECTED", "CREATION_SUCCESS"},
    PauseReason.CHECKPOINT: {"RECONNECTED", "CREATION_SUCCESS"},
    PauseReason.ACCOUNT_RESTRICTED: set[str](),
    PauseReason.CONFIGURATION: set[str](),
}


@pytest.fixture
def statuses(stack: OutcomeStack) -> AccountStatuses:
    return AccountStatuses(store=stack.store, wake=stack.engine.wake)


async def pause_of(stack: OutcomeStack) -> Pause:
    pause = (await stack.account()).pause
    assert pause is not None
    return pause


def test_every_status_is_thought_of() -> None:
    assert set(AccountStatus) == {*ENDS, *HALTS, AccountStatus.CONNECTING}
    assert not set(ENDS) & set(HALTS)


@pytest.mark.parametrize(("error", "status"), list(product(WAITING, AccountStatus)))
async def test_only_what_the_provider_can_vouch_for_ends(
    stack: OutcomeStack, statuses: AccountStatuses, error: str, status: AccountStatus
) -> None:
    reason = WAITING[error]
    await stack.fault("error", type=error, match_times=1)
    await stack.submit("ada-lovelace")
    await stack.quiet()
    before = await pause_of(stack)
    assert before.reason is reason
    await stack.advance(HOUR)
    await statuses.report(stack.provider_id, status)
    await statuses.report(stack.provider_id, status)
    await stack.quiet()
    if status in ENDED_BY[reason]:
        await stack.check_pause(None)
        assert (await stack.progress()).enriched == 1
        assert len(await stack.events("ACCOUNT_RESUMED")) == 1
    else:
        # A bad status does not make a pause that is worse any lighter.
        assert await pause_of(stack) == before
        assert len(await stack.requests()) == 1
        assert len(await stack.events("ACCOUNT_PAUSED")) == 1


@pytest.mark.parametrize("status", HALTS)
async def test_a_bad_status_halts_before_any_view_is_made(
    stack: OutcomeStack, statuses: AccountStatuses, status: AccountStatus
) -> None:
    await statuses.report(stack.provider_id, status)
    await statuses.report(stack.provider_id, status)
    await stack.submit("ada-lovelace")
    await stack.quiet()
    await stack.check_pause(PauseReason.ACCOUNT_DISCONNECTED)
    await stack.advance(DAY)
    assert await stack.requests() == []
    assert len(await stack.events("ACCOUNT_PAUSED")) == 1
    await stack.accounts.set_connection(stack.id, connected=True)
    stack.engine.wake()
    await stack.quiet()
    assert (await stack.progress()).enriched == 1


@pytest.mark.parametrize("status", AccountStatus)
async def test_what_the_caller_disconnected_only_the_caller_connects(
    stack: OutcomeStack, statuses: AccountStatuses, status: AccountStatus
) -> None:
    # The provider had halted it before: the caller's word counts from then on.
    await statuses.report(stack.provider_id, AccountStatus.CREDENTIALS)
    await stack.accounts.set_connection(stack.id, connected=False)
    await stack.submit("ada-lovelace")
    await statuses.report(stack.provider_id, status)
    await stack.quiet()
    await stack.check_pause(PauseReason.ACCOUNT_DISCONNECTED)
    assert await stack.requests() == []
    await stack.accounts.set_connection(stack.id, connected=True)
    await stack.check_pause(None)
    # And not for ever.
    await statuses.report(stack.provider_id, AccountStatus.STOPPED)
    await statuses.report(stack.provider_id, AccountStatus.OK)
    await stack.check_pause(None)


@pytest.mark.parametrize("status", AccountStatus)
async def test_the_breaker_is_not_for_the_provider_to_close(
    stack: OutcomeStack, statuses: AccountStatuses, status: AccountStatus
) -> None:
    await stack.fault("error", type="provider_error")
    await stack.submit(*(f"person-{number}" for number in range(11)))
    await stack.quiet()
    await stack.lift_faults()
    await statuses.report(stack.provider_id, status)
    await statuses.report(stack.provider_id, AccountStatus.RECONNECTED)
    await stack.advance(DAY)
    assert (await pause_of(stack)).reason is PauseReason.CIRCUIT_OPEN
    assert len(await stack.requests()) == 10


async def test_a_pause_that_ends_by_itself_is_not_cut_short(
    stack: OutcomeStack, statuses: AccountStatuses
) -> None:
    await stack.fault("error", type="too_many_requests", match_times=1)
    await stack.submit("ada-lovelace")
    await stack.quiet()
    await statuses.report(stack.provider_id, AccountStatus.RECONNECTED)
    await stack.check_pause(PauseReason.PROVIDER_LIMIT, for_ms=HOUR)
    await statuses.report(stack.provider_id, AccountStatus.CREDENTIALS)
    await stack.check_pause(PauseReason.ACCOUNT_DISCONNECTED)
    await statuses.report(stack.provider_id, AccountStatus.OK)
    await stack.check_pause(PauseReason.PROVIDER_LIMIT, for_ms=HOUR)
    await stack.advance(HOUR - 1)
    assert len(await stack.requests()) == 1


async def test_an_account_that_was_deleted_or_never_connected(
    stack: OutcomeStack, statuses: AccountStatuses
) -> None:
    await statuses.report("acc-nobody", AccountStatus.CREDENTIALS)
    await stack.connect("acc-short-lived")
    await stack.accounts.delete("acme/acc-short-lived", revision=None)
    await statuses.report("acc-short-lived", AccountStatus.CREDENTIALS)
    assert await stack.events("ACCOUNT_PAUSED") == []
    # A late report of the name's former provider account is not of its present one.
    await statuses.report_of(stack.id, "acc-another", AccountStatus.CREDENTIALS)
    assert await stack.events("ACCOUNT_PAUSED") == []


def asking(stack: OutcomeStack, *, key: str = KEY) -> tuple[StatusPolls, ConnectedAccountProvider]:
    provider = ConnectedAccountProvider(
        url=stack.sim.url, api_key=key, connections=1, now_ms=SystemClock().now_ms
    )
    statuses = AccountStatuses(store=stack.store, wake=stack.engine.wake)
    polls = StatusPolls(store=stack.store, source=provider, statuses=statuses, polls_a_minute=60)
    return polls, provider


async def set_status(sim: SimulatorClient, provider_id: str, status: str) -> None:
    answer = await sim.call("POST", "/_sim/accounts", json=[{"id": provider_id, "status": status}])
    assert answer.status == 200


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("CREDENTIALS", PauseReason.ACCOUNT_DISCONNECTED),
        ("STOPPED", PauseReason.ACCOUNT_DISCONNECTED),
        ("PERMISSIONS", PauseReason.ACCOUNT_DISCONNECTED),
        ("CONNECTING", PauseReason.ACCOUNT_DISCONNECTED),
        ("ERROR", PauseReason.CHECKPOINT),
    ],
)
async def test_a_poll_sees_that_an_account_is_connected_again(
    stack: OutcomeStack, status: str, reason: PauseReason
) -> None:
    polls, provider = asking(stack)
    await set_status(stack.sim, stack.provider_id, status)
    await stack.submit("ada-lovelace")
    await stack.quiet()
    await stack.check_pause(reason)
    # Not at once: what was said a moment ago still holds.
    assert await polls.poll(limit=5) == 0
    if reason is PauseReason.CHECKPOINT:
        # Nor ever without a person.
        await set_status(stack.sim, stack.provider_id, "OK")
        assert await polls.poll(limit=5, after_seconds=0) == 0
        await stack.check_pause(reason)
    else:
        assert await polls.poll(limit=5, after_seconds=0) == 1
        await stack.check_pause(reason)
        # It was asked just now: whoever comes next waits.
        assert await polls.poll(limit=5, after_seconds=0) == 0
        await set_status(stack.sim, stack.provider_id, "OK")
        assert await polls.poll(limit=5, after_seconds=-60) == 1
        await stack.advance(3 * MINUTE)
        await stack.check_pause(None)
        assert (await stack.progress()).enriched == 1
        await stack.check_books(charged=1)
    await provider.close()


async def test_polls_grow_rare_when_a_view_finds_it_disconnected_all_the_same(
    stack: OutcomeStack,
) -> None:
    polls, provider = asking(stack)
    await stack.fault("error", type="disconnected_account")
    await stack.submit("ada-lovelace")
    await stack.quiet()
    # The provider says OK each time, and the view after it is refused.
    for wait_minutes in (0, 1, 3, 7, 15, 31, 63, 63):
        assert await polls.poll(limit=5, after_seconds=-60 * wait_minutes + 5) == 0
        assert await polls.poll(limit=5, after_seconds=-60 * wait_minutes) == 1
        await stack.advance(3 * MINUTE)
        await stack.check_pause_reason(PauseReason.ACCOUNT_DISCONNECTED)
    await stack.check_books(charged=0)
    await provider.close()


async def test_no_poll_for_what_the_caller_disconnected(stack: OutcomeStack) -> None:
    polls, provider = asking(stack)
    await stack.accounts.set_connection(stack.id, connected=False)
    assert await polls.poll(limit=5, after_seconds=-DAY) == 0
    await stack.accounts.set_connection(stack.id, connected=True)
    statuses = AccountStatuses(store=stack.store, wake=stack.engine.wake)
    await statuses.report(stack.provider_id, AccountStatus.DELETED)
    await stack.accounts.set_connection(stack.id, connected=False)
    assert await polls.poll(limit=5, after_seconds=-DAY) == 0
    await provider.close()


async def test_polls_are_bounded_and_a_bad_key_ends_them(stack: OutcomeStack) -> None:
    statuses = AccountStatuses(store=stack.store, wake=stack.engine.wake)
    for number in range(5):
        await stack.connect(f"{stack.provider_id}-{number}")
        await statuses.report(f"{stack.provider_id}-{number}", AccountStatus.CREDENTIALS)
    bad, bad_provider = asking(stack, key="another-key")
    with pytest.raises(KeyRefusedError):
        await bad.poll(limit=1, after_seconds=0)
    polls, provider = asking(stack)
    assert await polls.poll(limit=3, after_seconds=0) == 3
    assert await polls.poll(limit=3, after_seconds=0) == 1
    assert len(await stack.events("ACCOUNT_RESUMED")) == 4
    await provider.close()
    await bad_provider.close()
