"""Members of an audience: adding, removing and listing a few hundred at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from audience_service.audiences import require_audience
from audience_service.import_files import ImportedRow
from audience_service.import_model import RowClass
from audience_service.joining import plan_rows, write_plan
from audience_service.model import Departure, DepartureReason, Member, Membership
from audience_service.ports import Store, Transaction
from audience_service.profile_urls import parse_urls
from audience_service.prospects import require_prospects
from audience_service.signals import Signals
from servicekit.clock import Clock
from servicekit.errors import Code, FieldViolation, ServiceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """``prospects`` are ids, of the URLs and then of the names."""

    added: int
    already_there: int
    prospects: list[str]


class Members:
    """Use cases of memberships."""

    def __init__(self, *, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

    async def add(
        self, workspace: str, audience: str, *, urls: Sequence[str], prospects: Sequence[str]
    ) -> Added:
        """Add people by URL and by id. INVALID_ARGUMENT names every URL that is no profile."""
        rows = _rows(urls)

        async def work(tx: Transaction) -> Added:
            await require_audience(tx, workspace, audience)
            people = await require_prospects(tx, workspace, prospects)
            named = [each.id for each in people]
            number = await tx.audiences.take_seq(workspace, 1)
            now_ms = self._clock.now_ms()
            plan = await plan_rows(
                tx,
                rows,
                workspace=workspace,
                audience=audience,
                import_number=number,
                now_ms=now_ms,
            )
            _refuse(
                {f"profile_urls[{row.number}]": row.row_class for row in plan.rows}
                | {
                    f"prospects[{index}]": RowClass.SUPPRESSED
                    for index, each in enumerate(people)
                    if each.suppressed
                }
            )
            there = set(await tx.members.last_imports(workspace, audience, named))
            by_url = set(plan.people)
            others = [each for each in dict.fromkeys(named) if each not in by_url]
            plan.joining += [each for each in others if each not in there]
            await write_plan(
                tx,
                plan,
                workspace=workspace,
                audience=audience,
                import_number=number,
                now_ms=now_ms,
            )
            classes = Counter(row.row_class for row in plan.rows)
            return Added(
                added=len(plan.joining),
                already_there=classes[RowClass.ALREADY_THERE]
                + sum(each in there for each in others),
                prospects=[*plan.people, *named],
            )

        added = await self._store.write([workspace], work)
        self._signals.send("submitting")
        self._signals.send(("members", workspace))
        return added

    async def remove(self, workspace: str, audience: str, prospects: Sequence[str]) -> int:
        """Take people out by id; returns how many were members. Views for them are called off."""

        async def work(tx: Transaction) -> int:
            await require_audience(tx, workspace, audience)
            found = await tx.prospects.get_many(workspace, prospects)
            ids = {each.merged_into or each.id for each in found.values()}
            removed = await tx.members.remove(workspace, audience, ids)
            await tx.members.add_withdrawals(
                workspace, audience, [each.profile for each in removed if each.profile]
            )
            await tx.changes.depart(
                workspace,
                [Departure(audience, each.prospect, DepartureReason.REMOVED) for each in removed],
            )
            # They come back to streams that have left them out for this audience's sake.
            others = await tx.members.of_prospects(workspace, [each.prospect for each in removed])
            await tx.changes.number(workspace, others)
            await tx.members.update(workspace, others)
            changes = Counter(each.state.name.lower() for each in removed)
            del changes["not_submitted"]
            changes["members"] = len(removed)
            await tx.audiences.count(
                workspace, audience, {name: -count for name, count in changes.items()}
            )
            return len(removed)

        removed = await self._store.write([workspace], work)
        self._signals.send("submitting")
        self._signals.send(("members", workspace))
        return removed

    async def page(self, workspace: str, audience: str, *, after: int, limit: int) -> list[Member]:
        """Members by seq, after ``after``."""

        async def work(tx: Transaction) -> list[Member]:
            await require_audience(tx, workspace, audience)
            found = await tx.members.page(workspace, audience, after=after, limit=limit)
            return await with_prospects(tx, workspace, found)

        return await self._store.read(work)


async def with_prospects(
    tx: Transaction, workspace: str, memberships: Sequence[Membership]
) -> list[Member]:
    """The memberships with their prospects, in the same order."""
    people = await tx.prospects.get_many(workspace, {each.prospect for each in memberships})
    return [Member(each, people[each.prospect]) for each in memberships]


_REFUSALS: Final = {
    RowClass.ERASED: ("PROSPECT_ERASED", "was erased from the workspace"),
    RowClass.SUPPRESSED: ("PROSPECT_SUPPRESSED", "is on the workspace's suppression list"),
}


def _refuse(classes: Mapping[str, RowClass]) -> None:
    """Refuse the call when a field of it names somebody who must not be added."""
    refused = {field: each for field, each in classes.items() if each in _REFUSALS}
    if not refused:
        return
    worst, _ = _REFUSALS[max(refused.values())]
    raise ServiceError(
        code=Code.FAILED_PRECONDITION,
        reason=worst,
        message="Some of these people were erased or suppressed and must not be added. Leave out "
        "those that the details name, then repeat the call; nobody was added.",
        violations=[
            FieldViolation(field=field, description=_REFUSALS[each][1], reason=_REFUSALS[each][0])
            for field, each in refused.items()
        ],
    )


def _rows(urls: Sequence[str]) -> list[ImportedRow]:
    return [
        ImportedRow(index, (identity,), {}, None) for index, identity in enumerate(parse_urls(urls))
    ]
