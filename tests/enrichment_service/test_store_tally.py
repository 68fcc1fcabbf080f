"""What a partition counts about itself is what a look at every account says, whatever happens."""

from typing import Any

from servicekit.clock import SteppedClock
from tests.enrichment_service.counted_by_hand import counted_by_hand
from tests.support.enrichment_store import DAY_MS, HOUR_MS, MINUTE_MS, Workspace
from tests.support.store_scenes import busy, ready


async def test_accounts_that_come_change_and_go(workspace: Workspace, clock: SteppedClock) -> None:
    await workspace.connect("a", strategy="NEW")
    await workspace.connect("b", strategy="VETERAN")
    clock.advance_by(8 * DAY_MS)
    await workspace.connect("c", strategy="NEW")
    counts = await _counts(workspace)
    assert counts["ramps"]["NEW"] == {"accounts": 2, "cap": 20 + 10}
    assert counts["ramps"]["VETERAN"] == {"accounts": 1, "cap": 100}

    await workspace.call("update_account", account=workspace.of("a"), settings={"pacing": "BURST"})
    assert (await _counts(workspace))["ramps"] == counts["ramps"]
    settings = {"strategy": "RECOVERY"}
    await workspace.call("update_account", account=workspace.of("b"), settings=settings)
    assert (await _counts(workspace))["ramps"]["RECOVERY"] == {"accounts": 1, "cap": 5}

    await _disconnect(workspace, "c")
    assert (await _counts(workspace))["tally"]["paused:ACCOUNT_DISCONNECTED"] == "1"
    await workspace.call("delete_account", account=workspace.of("c"))
    counts = await _counts(workspace)
    assert counts["ramps"]["NEW"] == {"accounts": 1, "cap": 20}
    assert counts["tally"]["paused:ACCOUNT_DISCONNECTED"] == "0"


async def test_pauses_that_follow_each_other(workspace: Workspace) -> None:
    lease = await busy(workspace)
    limit = {"reason": "PROVIDER_LIMIT", "for_ms": 2 * HOUR_MS}
    await workspace.finish(
        lease, await workspace.view(lease), outcome="RETRY", retry_in_ms=0, pause=limit
    )
    await workspace.end(lease)
    await _disconnect(workspace, "a")
    tally = (await _counts(workspace))["tally"]
    assert (tally["paused:PROVIDER_LIMIT"], tally["paused:ACCOUNT_DISCONNECTED"]) == ("0", "1")

    # The limit that came before goes on.
    await _reconnect(workspace, "a")
    tally = (await _counts(workspace))["tally"]
    assert (tally["paused:PROVIDER_LIMIT"], tally["paused:ACCOUNT_DISCONNECTED"]) == ("1", "0")
    assert tally["pauses:PROVIDER_LIMIT"] == "2"


async def test_views_are_counted_on_their_day_however_they_were_charged(
    workspace: Workspace, clock: SteppedClock
) -> None:
    await workspace.connect(strategy="VETERAN")
    await workspace.consume(3)
    await workspace.settle(await workspace.reserve(4), used=1)
    workspace.let_expire(await workspace.reserve(2))
    await workspace.look()
    assert (await _counts(workspace))["spent"] == {"MANUAL": "3", "CAMPAIGN_STEP": "3"}
    clock.advance_by(DAY_MS)
    assert (await _counts(workspace))["spent"] == {}


async def test_the_cache_is_counted(workspace: Workspace) -> None:
    await ready(workspace, "e", "other", "third")
    await workspace.submit("e", ["p", "q"])
    await workspace.submit("other", ["p", "r"])
    assert len(await workspace.tick()) == 3
    await workspace.submit("third", ["p", "r"])
    # Who is there already is not looked up again.
    await workspace.submit("third", ["p", "r"])
    tally = (await _counts(workspace))["tally"]
    assert (tally["cache:miss"], tally["cache:late_hit"], tally["cache:hit"]) == ("4", "1", "2")


async def test_what_is_due_gets_later(workspace: Workspace, clock: SteppedClock) -> None:
    await workspace.connect()
    await workspace.create()
    await workspace.submit("e", ["p"])
    clock.advance_by(7 * MINUTE_MS)
    counts = await _counts(workspace)
    assert (counts["due"], counts["late_ms"]) == (1, 7 * MINUTE_MS)
    claimed = (await workspace.call("claim_tick", lease_ms=HOUR_MS))["claimed"]
    assert claimed["late_ms"] == 7 * MINUTE_MS
    counts = await _counts(workspace)
    assert (counts["due"], counts["late_ms"], counts["working"]) == (0, 0, 1)


async def _disconnect(workspace: Workspace, account: str) -> None:
    await workspace.call("set_account_connection", account=workspace.of(account), connected=False)


async def _reconnect(workspace: Workspace, account: str) -> None:
    await workspace.call("set_account_connection", account=workspace.of(account), connected=True)


async def _counts(workspace: Workspace) -> Any:
    counts = await workspace.call("describe_partition")
    by_hand = counted_by_hand(workspace.client, workspace.tag, counts)
    by_hand["log"]["added"] = counts["log"]["added"]
    assert counts == by_hand
    return counts
