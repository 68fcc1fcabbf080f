"""The scripts of ticks, outcomes and the cache against their model: the same commands, every
answer and the whole state.

Left out, and tested by example elsewhere: erasure, other reservations than a view's own, polls of
the provider, several partitions. Of a permit that expires only one waits at a time.
"""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.enrichment_service.model_budget import RefusalError
from tests.enrichment_service.model_engine import DEADLINE_MS
from tests.enrichment_service.tick_pair import ACCOUNTS, ENRICHMENTS, OUTCOMES, PEOPLE, TickPair
from tests.support.enrichment_store import (
    DAY_MS,
    FRESH_MS,
    HOUR_MS,
    MINUTE_MS,
    SPREAD_MS,
)
from tests.support.key_leaks import leaked_keys
from tests.support.stranded import stranded_work
from tests.support.valkey import Valkey

ENRICHMENT_NAMES = st.sampled_from(sorted(ENRICHMENTS))
ACCOUNT_NAMES = st.sampled_from(sorted(ACCOUNTS))
STEPS = st.sampled_from(
    [MINUTE_MS, 3 * MINUTE_MS, 3 * MINUTE_MS, HOUR_MS, 12 * HOUR_MS, DAY_MS, 5 * DAY_MS, FRESH_MS]
)


class TickMachine(TickPair):
    """The commands."""

    @rule(
        e=ENRICHMENT_NAMES,
        first=st.integers(0, PEOPLE - 1),
        people=st.integers(1, 12),
        known_as=st.sampled_from(["vanity", "vanity", "provider", "both"]),
    )
    def submit(self, e: str, first: int, people: int, known_as: str) -> None:
        self.submit_people(e, range(first, min(first + people, PEOPLE)), known_as)

    @rule()
    def claim(self) -> None:
        self.claim_next()

    @rule(
        views=st.integers(0, 12),
        outcome=st.sampled_from(sorted(OUTCOMES)),
        begins=st.booleans(),
        how=st.sampled_from([None, "", "pause", "resumption"]),
    )
    def tick(self, views: int, outcome: str, begins: bool, how: str | None) -> None:
        """The next tick, perhaps with a view under way at its end, perhaps without an end."""
        self.model.advance_to(self.clock.advance_by(3 * MINUTE_MS))
        if not self.claim_next():
            return
        self.work(which=0, views=views, outcome=outcome)
        if begins:
            self.begin(which=0, again=False)
        if how is not None:
            self.end(which=0, how=how)

    @precondition(lambda self: self.leases)
    @rule(which=st.integers(0, 7), again=st.booleans())
    def begin(self, which: int, again: bool) -> None:
        self.begin_view(self.lease(which), again=again)

    @precondition(lambda self: self.views)
    @rule(which=st.integers(0, 7), outcome=st.sampled_from(sorted(OUTCOMES)))
    def finish(self, which: int, outcome: str) -> None:
        lease, view, ask = self.views[-1 - (max(0, which - 4) % len(self.views))]
        self.finish_view(lease, view, ask, outcome)

    @precondition(lambda self: self.leases)
    @rule(
        which=st.integers(0, 4),
        views=st.integers(2, 16),
        outcome=st.sampled_from(
            ["enriched", "enriched, moved", "partial", "failed", "retry", "retry at once"]
        ),
    )
    def work(self, which: int, views: int, outcome: str) -> None:
        lease = self.lease(which)
        for _ in range(views):
            if not self.begin_view(lease, again=False):
                return
            self.finish_view(*self.views[-1], outcome)

    @precondition(lambda self: self.leases)
    @rule(
        which=st.integers(0, 7),
        how=st.sampled_from(["", "", "pause", "resumption"]),
    )
    def end(self, which: int, how: str) -> None:
        a, token = self.lease(which)
        request: dict[str, Any] = {}
        if how == "pause":
            until_ms = self.model.now_ms + HOUR_MS
            request = {"pause": {"reason": "OUTSIDE_WORKING_HOURS", "until_ms": until_ms}}
        elif how:
            request = {"not_before": "resumption", "spread_ms": SPREAD_MS}
        self.same(
            self.call("end_tick", account=a, token=token, **request),
            lambda: self.model.end(a, token, **request),
        )

    @precondition(lambda self: self.leases)
    @rule(which=st.integers(0, 7))
    def renew(self, which: int) -> None:
        a, token = self.lease(which)
        self.same(
            self.call("renew_lease", account=a, token=token, lease_ms=HOUR_MS),
            lambda: self.model.renew(a, token),
        )

    @precondition(lambda self: any(self.model.leases.values()))
    @rule(which=st.integers(0, 1))
    def lose_lease(self, which: int) -> None:
        alive = sorted(a for a, alive in self.model.leases.items() if alive)
        a = alive[which % len(alive)]
        self.workspace.lose_lease(a.removeprefix("w/"))
        self.model.leases[a] = False

    @precondition(lambda self: self.open_permits())
    @rule()
    def let_permit_expire(self) -> None:
        a, reservation = self.open_permits()[0]
        self.workspace.let_expire(reservation, a.removeprefix("w/"))
        self.model.let_expire(a)

    @rule(e=ENRICHMENT_NAMES, which=st.lists(st.integers(0, 40), min_size=1, max_size=4))
    def withdraw(self, e: str, which: list[int]) -> None:
        places = sorted(self.model.enrichments[e].places) or ["unknown"]
        profiles = [places[number % len(places)] for number in which]
        answer = self.call("withdraw_profiles", enrichment=e, profiles=profiles)
        assert answer == {"withdrawn": self.model.withdraw(e, profiles)}

    @precondition(lambda self: self.model.leases and self.views)
    @rule()
    def withdraw_what_is_viewed(self) -> None:
        _, (e, p, _), _ = self.views[-1]
        answer = self.call("withdraw_profiles", enrichment=e, profiles=[p])
        assert answer == {"withdrawn": self.model.withdraw(e, [p])}

    @rule(e=ENRICHMENT_NAMES, paused=st.sampled_from([True, False, False]))
    def pause_enrichment(self, e: str, paused: bool) -> None:
        answer = self.call("set_enrichment_paused", enrichment=e, paused=paused)
        self.same_if_refused(answer, lambda: self.model.set_paused(e, paused))

    @rule(e=ENRICHMENT_NAMES, views=st.integers(0, 3))
    def retry_failed(self, e: str, views: int) -> None:
        """Of whoever has failed just now, perhaps."""
        self.make_tick(views=views, outcome="failed", after_ms=3 * MINUTE_MS)
        e = self.views[-1][1][0] if views and self.views else e
        answer = self.call("retry_failed", enrichment=e, after="")
        self.same(answer, lambda: {"queued": self.model.retry_failed(e)})

    @precondition(lambda self: not any(e.cancelled for e in self.model.enrichments.values()))
    @rule(e=ENRICHMENT_NAMES, views=st.integers(0, 3), chance=st.integers(0, 2))
    def cancel(self, e: str, views: int, chance: int) -> None:
        """Seldom, since nothing happens there any more; perhaps of what waits for another try."""
        if chance == 0:
            self.make_tick(views=views, outcome="retry", after_ms=3 * MINUTE_MS)
            e = self.views[-1][1][0] if views and self.views else e
            self.call("cancel_enrichment", enrichment=e)
            self.model.cancel(e)
            self.make_tick(views=1, outcome="enriched", after_ms=2 * HOUR_MS)

    @rule()
    def sweep(self) -> None:
        while self.runner.run(self.workspace.call("sweep_cancelled"))["more"]:
            pass
        self.model.sweep()

    @rule(
        a=ACCOUNT_NAMES,
        strategy=st.sampled_from(["NEW", "RECOVERY", "ESTABLISHED"]),
        share=st.integers(0, 4),
    )
    def update(self, a: str, strategy: str, share: int) -> None:
        settings = {"strategy": strategy, "campaign_share": share}
        self.call("update_account", account=a, settings=settings)
        self.model.update(a, strategy=strategy, share=share)

    @rule(first=st.integers(4, 9), second=st.integers(4, 9))
    def errors_of_two_days(self, first: int, second: int) -> None:
        """Neither day has as many as open the breaker; both together may have."""
        for views in (first, second):
            self.make_tick(views=views, outcome="retry at once", after_ms=DAY_MS)

    @precondition(lambda self: self.views)
    @rule()
    def withdraw_and_submit_again(self) -> None:
        """Somebody who has been viewed in part, perhaps."""
        self.make_tick(views=2, outcome="partial", after_ms=2 * HOUR_MS)
        _, (e, p, _), ask = self.views[-1]
        answer = self.call("withdraw_profiles", enrichment=e, profiles=[p])
        assert answer == {"withdrawn": self.model.withdraw(e, [p])}
        number = int("".join(filter(str.isdigit, ask)))
        self.submit_people(e, range(number, number + 1), "vanity")

    @rule(views=st.integers(1, 4))
    def vanities_move(self, views: int) -> None:
        """Between two views of the same people."""
        for outcome in ("partial", "enriched, moved"):
            self.make_tick(views=views, outcome=outcome, after_ms=2 * HOUR_MS)

    def make_tick(self, *, views: int, outcome: str, after_ms: int) -> None:
        """A whole tick a while later, if one is due then."""
        self.model.advance_to(self.clock.advance_by(after_ms))
        if views and self.claim_next():
            self.work(which=0, views=views, outcome=outcome)
            self.end(which=0, how="")

    @rule(a=ACCOUNT_NAMES, connected=st.sampled_from([True, True, True, False]))
    def reconnect(self, a: str, connected: bool) -> None:
        self.call("set_account_connection", account=a, connected=connected)
        self.model.set_connected(a, connected)

    @rule(a=ACCOUNT_NAMES, views=st.integers(1, 9))
    def consume(self, a: str, views: int) -> None:
        request: dict[str, Any] = {
            "purpose": "CAMPAIGN_STEP",
            "count": views,
            "allow_partial": True,
        }
        answer = self.call("consume_views", account=a, **request)
        try:
            expected: object = self.model.accounts[a].budget.consume(**request)["granted"]
        except RefusalError as refused:
            expected = refused.reason
        assert (answer["granted"] if isinstance(answer, dict) else answer) == expected

    @rule(ms=STEPS)
    def advance(self, ms: int) -> None:
        self.model.advance_to(self.clock.advance_by(ms))

    @rule(before_ms=st.sampled_from([HOUR_MS, DEADLINE_MS + 1, DEADLINE_MS, 0]))
    def advance_to_midnight(self, before_ms: int) -> None:
        midnight_ms = self.model.resumption_ms - SPREAD_MS
        target_ms = max(midnight_ms - before_ms, self.model.now_ms)
        self.model.advance_to(self.clock.advance_to(target_ms))

    @rule()
    def leaves_nothing_behind(self) -> None:
        """A rule, since it reads every key one by one."""
        self.sweep()
        assert leaked_keys(self.client) == []
        assert stranded_work(self.url) == []


@pytest.mark.timeout(400)  # a failure is shrunk for up to five minutes
def test_tick_scripts_follow_the_model(valkey: Valkey) -> None:
    class Machine(TickMachine):
        url = valkey.url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=int(os.environ.get("TICK_EXAMPLES", "25")),
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
