"""Audiences put together of others: union, intersection and difference.

The members are copied within the database, a part of bounded size in each transaction, which also
writes how far that came: after a crash it goes on there. Of several processes each does parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from audience_service.audiences import NewAudience, create_audience, require_audience
from audience_service.errors import audience_building
from audience_service.model import Audience, Build, SetOperation
from audience_service.ports import Store, Transaction
from audience_service.signals import Signals
from servicekit.clock import Clock
from servicekit.errors import not_found

_PART: Final = 20_000
_POLL_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """``sources`` are ids of audiences; only of a difference does their order matter."""

    operation: SetOperation
    sources: Sequence[str]


class Combining:
    """Use case of CombineAudiences, and the work that it leaves."""

    def __init__(self, *, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

    async def combine(self, new: NewAudience, recipe: Recipe) -> Audience:
        """Create the audience, BUILDING; FAILED_PRECONDITION while a source is built itself.

        A source that does not exist is NOT_FOUND, the new audience among them.
        """

        async def work(tx: Transaction) -> Audience:
            audience, is_new = await create_audience(
                tx, new, now_ms=self._clock.now_ms(), building=True
            )
            if not is_new:
                return audience
            found = [await require_audience(tx, new.workspace, each) for each in recipe.sources]
            for each in found:
                if each.id == audience.id:  # Found only because it has just been created.
                    raise not_found("audience", f"workspaces/{new.workspace}/audiences/{each.id}")
                if each.building:
                    raise audience_building(new.workspace, each.id)
            if recipe.operation is SetOperation.INTERSECTION:
                # The members of the first are looked at one by one: the fewer, the better.
                found.sort(key=lambda each: each.counters.members)
            await tx.builds.insert(
                Build(
                    workspace=new.workspace,
                    audience=audience.id,
                    operation=recipe.operation,
                    sources=[each.id for each in found],
                )
            )
            return audience

        audience = await self._store.write([new.workspace], work)
        self._signals.send("builds")
        return audience

    async def run(self) -> None:
        """Build until cancelled; builds take turns, a part each."""
        with self._signals.listen("builds") as listener:
            while True:
                unfinished = await self._store.read(lambda tx: tx.builds.unfinished())
                for workspace, audience in unfinished:
                    await self.build_part(workspace, audience)
                if not unfinished:
                    await listener.wait(at_most=_POLL_SECONDS)

    async def build_part(self, workspace: str, audience: str) -> None:
        """Do the next part of a build, or end it."""

        async def work(tx: Transaction) -> None:
            build = await tx.builds.get(workspace, audience)
            found = await tx.audiences.get(workspace, audience)
            if build is None or found is None:
                return
            if await self._copy(tx, build):
                return
            await tx.builds.drop(workspace, audience)
            await tx.audiences.update(replace(found, building=False))

        await self._store.write([workspace], work)
        self._signals.send("submitting")
        self._signals.send(("members", workspace))

    async def _copy(self, tx: Transaction, build: Build) -> bool:
        """Copy the next members; False when there are none left."""
        reached = await tx.builds.reach(build, limit=_PART)
        if reached is None:
            last = build.operation is not SetOperation.UNION
            if last or build.position + 1 == len(build.sources):
                return False
            await tx.builds.move(replace(build, position=build.position + 1, after=0))
            return True
        first_seq = await tx.audiences.take_seq(build.workspace, _PART)
        joined = await tx.builds.copy(
            build, up_to=reached, first_seq=first_seq, now_ms=self._clock.now_ms()
        )
        if joined:
            await tx.audiences.count(
                build.workspace,
                build.audience,
                {"members": joined},
                last_seq=first_seq + joined - 1,
            )
        await tx.builds.move(replace(build, after=reached))
        return True
