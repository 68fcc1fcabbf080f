"""The budget scripts against their model: the same commands, every answer and the whole state."""

import asyncio
import os
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from enrichment_service.ports import RefusedError
from enrichment_service.store.partitions import Marker
from enrichment_service.store.store import Store
from servicekit.clock import SteppedClock
from tests.conftest import START_MS
from tests.enrichment_service.model_budget import CAPS, BudgetModel, RefusalError
from tests.support.enrichment_store import DAY_MS, HOUR_MS, Workspace
from tests.support.key_leaks import leaked_keys, text
from tests.support.valkey import Valkey

ACCOUNT = "w/a"
PURPOSES = st.sampled_from(["ENRICHMENT", "CAMPAIGN_STEP", "MANUAL"])
COUNTS = st.integers(1, 12)
FLAGS = st.booleans()
REQUEST_IDS = st.sampled_from([None, None, None, "r1", "r2", "r3"])
STEPS = st.sampled_from([1, HOUR_MS, 6 * HOUR_MS, DAY_MS, 6 * DAY_MS, 7 * DAY_MS])


class BudgetMachine(RuleBasedStateMachine):
    """Drives model and store side by side."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self._client = redis.Redis.from_url(self.url)
        self._client.flushall()
        self._runner = asyncio.Runner()
        self._clock = SteppedClock.create(folder / "clock", START_MS)
        self._store = Store(url=self.url, clock=self._clock, marker=Marker(folder / "marker"))
        self._runner.run(self._store.open())
        self._workspace = Workspace(self._store, self._client)
        self._numbers = count()
        self._caps: dict[int, int] = {}

    def teardown(self) -> None:
        self._runner.run(self._store.close())
        self._runner.close()
        self._clock.close()
        self._client.close()
        self._folder.cleanup()

    @initialize(strategy=st.sampled_from(sorted(CAPS)), share=st.integers(0, 8))
    def connect(self, strategy: str, share: int) -> None:
        self._connect(strategy, share)

    @rule(
        purpose=PURPOSES, views=COUNTS, partial=FLAGS, look=st.integers(0, 4), request=REQUEST_IDS
    )
    def consume(
        self, purpose: str, views: int, partial: bool, look: int, request: str | None
    ) -> None:
        options = self._options("consume", purpose, views, partial, look == 0, request)
        self._same(
            self._call("consume_views", purpose=purpose, count=views, **options),
            self._model_call("consume", purpose=purpose, count=views, **options),
        )

    @rule(
        purpose=PURPOSES, views=COUNTS, partial=FLAGS, look=st.integers(0, 4), request=REQUEST_IDS
    )
    def reserve(
        self, purpose: str, views: int, partial: bool, look: int, request: str | None
    ) -> None:
        options = self._options("reserve", purpose, views, partial, look == 0, request)
        options |= {"reservation": f"r{next(self._numbers)}", "ttl_ms": HOUR_MS}
        self._same(
            self._call("reserve_views", purpose=purpose, count=views, **options),
            self._model_call("reserve", purpose=purpose, count=views, **options),
        )

    @rule(number=st.integers(0, 30), used=st.none() | st.integers(0, 12))
    def settle(self, number: int, used: int | None) -> None:
        known = sorted(self._model.reservations)
        name = known[number % len(known)] if known and number else "unknown"
        self._same(
            self._call("settle_reservation", reservation=name, used=used),
            self._model_call("settle", reservation=name, used=used),
        )

    @precondition(lambda self: self._open_reservations())
    @rule(number=st.integers(0, 30))
    def let_expire(self, number: int) -> None:
        names = self._open_reservations()
        self._workspace.let_expire(names[number % len(names)])
        self._model.expire(names[number % len(names)])

    @rule(ms=STEPS)
    def advance(self, ms: int) -> None:
        self._model.now_ms = self._clock.advance_by(ms)

    @rule()
    def advance_to_midnight(self) -> None:
        self._model.now_ms = self._clock.advance_to(self._model.midnight_ms)

    @rule(strategy=st.sampled_from(sorted(CAPS)))
    def change_strategy(self, strategy: str) -> None:
        self._call("update_account", settings={"strategy": strategy})
        self._model.change_strategy(strategy)

    @rule(share=st.integers(0, 60))
    def change_share(self, share: int) -> None:
        self._call("update_account", settings={"campaign_share": share})
        self._model.share = share

    @rule()
    def lose_everything(self) -> None:
        self._client.flushall()
        strategy, share = self._model.strategy, self._model.share
        self._connect(strategy, share)
        self._model.lost_day = self._model.day

    @invariant()
    def shows_the_same_budget(self) -> None:
        shown = self._runner.run(self._workspace.budget())
        shown["usage"] = {
            name: int(number) for name, number in shown["usage"].items() if int(number)
        }
        assert shown == self._model.budget()

    @invariant()
    def grants_no_more_than_the_cap(self) -> None:
        """Whatever the model says; a cap lowered later does not unmake what was granted."""
        shown = self._runner.run(self._workspace.budget())
        day = shown["day"]
        self._caps[day] = max(self._caps.get(day, 0), shown["limit"])
        assert sum(int(number) for number in shown["usage"].values()) <= self._caps[day]

    @invariant()
    def has_written_down_the_same(self) -> None:
        """The counters of every day and every reservation, once what expired has been charged."""
        self._runner.run(self._workspace.look())
        tag = self._workspace.tag
        for day, charged in self._model.committed.items():
            counters = self._client.hgetall(f"{tag}budget:{ACCOUNT}:{day}")
            written = {text(name): int(number) for name, number in counters.items() if int(number)}
            committed = {f"c:{purpose}": views for purpose, views in charged.items() if views}
            assert {name: n for name, n in written.items() if name[0] == "c"} == committed
        for name, reservation in self._model.reservations.items():
            fields = self._client.hgetall(f"{tag}reservation:{ACCOUNT}/{name}")
            assert text(fields[b"state"]) == reservation.state
        assert leaked_keys(self._client) == []

    def _connect(self, strategy: str, share: int) -> None:
        self._runner.run(self._workspace.connect(strategy=strategy, share=share))
        now_ms = self._clock.now_ms()
        self._model = BudgetModel(now_ms=now_ms, strategy=strategy, share=share)

    def _options(
        self,
        method: str,
        purpose: str,
        views: int,
        partial: bool,
        look: bool,
        request_id: str | None,
    ) -> dict[str, Any]:
        options: dict[str, Any] = {"allow_partial": partial, "validate_only": look}
        if request_id:
            body = f"{method} {purpose} {views} {partial} {look}"
            options |= {"request_id": request_id, "body": body}
        return options

    def _call(self, function: str, **request: Any) -> object:
        try:
            answer = self._runner.run(self._workspace.call(function, account=ACCOUNT, **request))
        except RefusedError as refused:
            return (refused.reason, refused.details)
        if "charged" in answer:
            return answer["charged"]
        return {
            name: answer[name]
            for name in ("granted", "reservation", "use_before")
            if name in answer
        }

    def _model_call(self, method: str, **request: Any) -> object:
        try:
            answer: object = getattr(self._model, method)(**request)
        except RefusalError as refused:
            return (refused.reason, refused.details)
        return answer

    def _same(self, real: object, model: object) -> None:
        assert real == model

    def _open_reservations(self) -> list[str]:
        return sorted(
            name for name, found in self._model.reservations.items() if found.state == "open"
        )


def test_budget_scripts_follow_the_model(valkey: Valkey) -> None:
    class Machine(BudgetMachine):
        url = valkey.url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=int(os.environ.get("BUDGET_EXAMPLES", "40")),
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
