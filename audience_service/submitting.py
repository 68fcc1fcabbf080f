"""Hands members to the enrichment service, in pages by seq, and takes back who left.

The position is saved after the answer: a page may be sent twice, which does no harm, and is never
skipped. Everything is asked of the store anew in each step, so any process may go on.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from audience_service.enrichment_model import ProfileData, SubmittedProfile
from audience_service.graph_loading import load_graph, write_graph
from audience_service.identity import Identity
from audience_service.model import Audience, Membership, MemberState
from audience_service.observing import SILENT, Observer
from audience_service.ports import EnrichmentGateway, Store, Transaction
from audience_service.signals import Signals
from servicekit.clock import Clock
from servicekit.errors import ServiceError
from servicekit.names import random_id

_log = structlog.get_logger("submitting")

_PAGE: Final = 500
_TAKEN_BACK: Final = 10_000
_POLL_SECONDS: Final = 2.0
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_MOST_IDENTIFIERS: Final = 8

# A provider id stays with its person; a vanity can move to somebody else.
_BEST_FIRST: Final = ("id:", "in:", "sales:")

_WAITING: Final = frozenset({MemberState.NOT_SUBMITTED, MemberState.PENDING})

_Key = tuple[str, str]


class Submitter:
    """Keeps every audience's enrichment in step with its members and its caller's wishes."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        enrichment: EnrichmentGateway,
        signals: Signals,
        observer: Observer = SILENT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._enrichment = enrichment
        self._signals = signals
        self._observer = observer
        # Audiences whose last step failed: when to try again (loop time), and the pause before.
        self._resting: dict[_Key, tuple[float, float]] = {}

    async def run(self) -> None:
        """Submit until cancelled. Audiences take turns, a page each."""
        with self._signals.listen("submitting") as listener:
            while True:
                waiting = await self._store.read(lambda tx: tx.audiences.to_submit())
                self._resting = {key: self._resting[key] for key in waiting if key in self._resting}
                now = asyncio.get_running_loop().time()
                ready = [key for key in waiting if self._resting.get(key, (0.0, 0.0))[0] <= now]
                self._observer.audiences_waiting(
                    ready=len(ready), resting=len(waiting) - len(ready)
                )
                for key in ready:
                    await self._try(key)
                if not ready:
                    await listener.wait(at_most=self._pause())

    def _pause(self) -> float:
        now = asyncio.get_running_loop().time()
        due = [until - now for until, _ in self._resting.values()]
        return max(0.01, min([_POLL_SECONDS, *due]))

    async def _try(self, key: _Key) -> None:
        try:
            with self._observer.work("submitting"):
                await self.step(*key)
            self._resting.pop(key, None)
        except ServiceError as error:
            if error.reason == "ENRICHMENT_NOT_FOUND":
                # Lost with its store there: the next step creates it again.
                await self._forget(*key)
            _, before = self._resting.get(key, (0.0, _FIRST_PAUSE / 2))
            pause = min(2 * before, _LONGEST_PAUSE)
            self._resting[key] = asyncio.get_running_loop().time() + pause, pause
            _log.warning("submission_waits", reason=error.reason, seconds=pause)

    async def step(self, workspace: str, audience_id: str) -> None:
        """Do the next thing for an audience: create, cancel, withdraw, pause or submit a page."""
        audience = await self._store.read(lambda tx: tx.audiences.get(workspace, audience_id))
        if audience is None:
            return
        if audience.ending:
            await self._end(audience)
        elif audience.delete_ms is not None:
            return
        elif not audience.enrichment_created:
            await self._create(audience)
        elif audience.enrichment_paused != audience.pause_applied:
            paused = audience.enrichment_paused
            await self._enrichment.set_paused(workspace, audience.enrichment_id, paused=paused)
            await self._update(audience, lambda now: replace(now, pause_applied=paused))
        elif not await self._withdraw(audience):
            await self._submit(audience)

    async def _create(self, audience: Audience) -> None:
        if audience.enrichment_id and await self._enrichment.create(
            audience.workspace,
            enrichment=audience.enrichment_id,
            account=audience.account,
            request_id=f"{audience.create_ms}-{audience.enrichment_id}"[:64],
        ):
            if not await self._update(audience, lambda now: replace(now, enrichment_created=True)):
                # The audience was deleted meanwhile: nobody would ever use this enrichment.
                await self._enrichment.cancel(audience.workspace, audience.enrichment_id)
        else:
            other = f"{audience.id[:50].rstrip('-')}-{random_id(8)}"
            await self._update(audience, lambda now: replace(now, enrichment_id=other))

    async def _end(self, audience: Audience) -> None:
        """Cancel the enrichment of a deleted audience, then take its members back, a part at once.

        What is started later is another enrichment: revisions of events begin anew.
        """
        workspace = audience.workspace
        if audience.enrichment_created:
            await self._enrichment.cancel(workspace, audience.enrichment_id)
            await self._update(audience, lambda now: replace(now, enrichment_created=False))
            return

        async def work(tx: Transaction) -> None:
            now = await tx.audiences.get(workspace, audience.id)
            if now is None or not now.ending or now.enrichment_created:
                return
            taken = await tx.members.take_back(
                workspace, audience.id, up_to=now.submitted_seq, limit=_TAKEN_BACK
            )
            if taken is not None:
                await tx.audiences.count(workspace, audience.id, {"pending": -taken.pending})
                await tx.audiences.update(replace(now, submitted_seq=taken.first_seq - 1))
                return
            called_off = await tx.members.withdrawals(workspace, audience.id, limit=_TAKEN_BACK)
            if called_off:
                await tx.members.drop_withdrawals(workspace, audience.id, called_off)
                return
            await tx.audiences.update(
                replace(now, ending=False, submitted_seq=0, enrichment_id="", pause_applied=False)
            )

        await self._store.write([workspace], work)

    async def _withdraw(self, audience: Audience) -> bool:
        """Take back those who left; False when nobody did."""
        workspace = audience.workspace
        profiles = await self._store.read(
            lambda tx: tx.members.withdrawals(workspace, audience.id, limit=_PAGE)
        )
        if not profiles:
            return False
        await self._enrichment.withdraw(workspace, audience.enrichment_id, profiles)
        await self._store.write(
            [workspace],
            lambda tx: tx.members.drop_withdrawals(workspace, audience.id, profiles),
        )
        return True

    async def _submit(self, audience: Audience) -> None:
        """Submit the next page of members and save how far that came."""
        workspace = audience.workspace

        async def read(tx: Transaction) -> tuple[list[Membership], dict[str, list[str]]]:
            page = await tx.members.page(
                workspace, audience.id, after=audience.submitted_seq, limit=_PAGE
            )
            waiting = [each.prospect for each in page if each.state in _WAITING]
            if waiting:
                suppressed = await tx.prospects.suppressed_among(workspace, waiting)
                waiting = [each for each in waiting if each not in suppressed]
            return page, await tx.prospects.aliases_of(workspace, waiting) if waiting else {}

        page, aliases = await self._store.read(read)
        submissions = {
            prospect: found for prospect, known in aliases.items() if (found := identifiers(known))
        }
        answers: Sequence[SubmittedProfile] = []
        if submissions:
            answers = await self._enrichment.submit(workspace, audience.enrichment_id, submissions)
            self._observer.profiles_submitted(len(answers))
        reached = page[-1].seq if page else audience.last_seq

        async def save(tx: Transaction) -> None:
            now = await tx.audiences.get(workspace, audience.id)
            if now is None or (now.enrichment_id, now.submitted_seq, now.ending) != (
                *(audience.enrichment_id, audience.submitted_seq, False),
            ):
                return
            await self._record(tx, now, dict(zip(submissions, answers, strict=True)))
            await tx.audiences.update(replace(now, submitted_seq=reached))

        await self._store.write([workspace], save)

    async def _record(
        self, tx: Transaction, audience: Audience, answers: dict[str, SubmittedProfile]
    ) -> None:
        """Write who waits now, under which profile, and who turned out to be one person."""
        if not answers:
            return
        firsts = {each.reference for each in answers.values() if each.reference}
        graph = await load_graph(
            tx,
            workspace=audience.workspace,
            prospects={*answers, *firsts},
            profiles={},
            data=[],
            now_ms=self._clock.now_ms(),
        )
        for prospect, answer in answers.items():
            if prospect not in graph.prospects:
                # Erased while the page was under way; EraseProfile takes it back.
                continue
            if answer.erased:
                graph.erase([prospect])
                continue
            membership = graph.memberships.get((audience.id, graph.survivor(prospect)))
            if membership is None:
                # Left, or was merged, while the page was under way.
                graph.withdrawals[audience.id].add(answer.profile)
                continue
            membership.profile = answer.profile
            if membership.state is MemberState.NOT_SUBMITTED and answer.state is not None:
                graph.set_state(membership, answer.state)
            graph.touch(membership)
        for prospect, answer in answers.items():
            first = graph.prospects.get(answer.reference)
            if first is None or prospect not in graph.prospects or answer.erased:
                continue
            if graph.survivor(first.id) == graph.survivor(prospect):
                continue
            known = graph.prospects[graph.survivor(first.id)]
            if known.provider_id or known.member_id:
                # One profile to the enrichment service, which has viewed it: one person.
                graph.learn(
                    [known.id, prospect],
                    ProfileData(provider_id=known.provider_id, member_id=known.member_id),
                )
        await write_graph(tx, graph)
        if graph.erased:
            _log.info("people_erased_elsewhere", workspace=audience.workspace)

    async def _forget(self, workspace: str, audience_id: str) -> None:
        audience = await self._store.read(lambda tx: tx.audiences.get(workspace, audience_id))
        if audience is not None:
            await self._update(
                audience, lambda now: replace(now, enrichment_created=False, pause_applied=False)
            )

    async def _update(self, audience: Audience, change: Callable[[Audience], Audience]) -> bool:
        """Write a change; False when the audience has another enrichment by now."""

        async def work(tx: Transaction) -> bool:
            now = await tx.audiences.get(audience.workspace, audience.id)
            if now is None or now.enrichment_id != audience.enrichment_id:
                return False
            await tx.audiences.update(change(now))
            return True

        return await self._store.write([audience.workspace], work)


def identifiers(aliases: Sequence[str]) -> list[str]:
    """What a person can be viewed by, the best first, at most eight; empty when by nothing."""
    ordered = [
        identifier
        for kind in _BEST_FIRST
        for alias in aliases
        if alias.startswith(kind) and (identifier := Identity(alias).identifier)
    ]
    return ordered[:_MOST_IDENTIFIERS]
