"""Loads a person graph, and writes back what changed in it, in sets and never one by one."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from audience_service.enrichment_model import ProfileData
from audience_service.erase_people import erase_people
from audience_service.model import Membership, MemberState
from audience_service.person_graph import PersonGraph
from audience_service.ports import Transaction
from audience_service.profile_names import aliases_of

_WAITING: Final = frozenset({MemberState.NOT_SUBMITTED, MemberState.PENDING})


async def load_graph(
    tx: Transaction,
    *,
    workspace: str,
    prospects: Iterable[str],
    profiles: dict[str, set[str]],
    data: Iterable[ProfileData],
    now_ms: int,
) -> PersonGraph:
    """Load whatever may change when ``data`` arrives for these people.

    ``profiles`` are profiles by audience: whoever was submitted as one of them is loaded too.
    """
    submitted = [
        each
        for audience, wanted in profiles.items()
        for each in await tx.members.of_profiles(workspace, audience, wanted)
    ]
    aliases = aliases_of(data)
    leads = await tx.prospects.by_aliases(workspace, aliases) if aliases else {}
    wanted = {*prospects, *leads.values(), *(each.prospect for each in submitted)}
    people = await tx.prospects.get_many(workspace, wanted)
    survivors = {each.merged_into for each in people.values() if each.merged_into} - set(people)
    if survivors:
        people |= await tx.prospects.get_many(workspace, survivors)
    return PersonGraph(
        workspace=workspace,
        now_ms=now_ms,
        prospects=people,
        leads=leads,
        suppressed=await tx.suppressions.among(workspace, aliases),
        tombstoned=await tx.erasures.erased_among(workspace, aliases),
        memberships=_by_key(await tx.members.of_prospects(workspace, people)),
    )


async def write_graph(tx: Transaction, graph: PersonGraph) -> None:
    """Write what changed."""
    workspace = graph.workspace
    # Redirections follow below, when the people they lead to are there.
    await tx.prospects.insert([replace(each, merged_into=None) for each in graph.new])
    for merged, survivor in graph.merged:
        await tx.prospects.redirect(workspace, merged=merged, survivor=survivor)
    for step in graph.moved:
        if step.ends:
            await tx.members.remove(workspace, step.audience, [step.prospect])
        else:
            await tx.members.move(
                workspace, step.audience, prospect=step.prospect, to_prospect=step.to_prospect
            )
    # Who merely waits has not changed for anybody who follows an audience.
    moved = {(step.audience, step.to_prospect) for step in graph.moved if not step.ends}
    await tx.changes.number(
        workspace,
        [
            each
            for key, each in graph.changed_memberships.items()
            if each.state not in _WAITING or key in moved
        ],
    )
    await tx.members.update(workspace, list(graph.changed_memberships.values()))
    await tx.changes.depart(workspace, graph.departures())
    await tx.prospects.update(list(graph.changed.values()))
    await tx.prospects.set_aliases(
        workspace, {alias: graph.survivor(lead) for alias, lead in graph.new_leads.items()}
    )
    for audience, profiles in graph.withdrawals.items():
        await tx.members.add_withdrawals(workspace, audience, profiles)
    for audience, counts in graph.counts.items():
        await tx.audiences.count(workspace, audience, counts)
    suppressed = [each.id for each in graph.changed.values() if each.suppressed]
    if suppressed:
        names = await tx.prospects.aliases_of(workspace, suppressed)
        everything = [alias for each in names.values() for alias in each]
        await tx.suppressions.add(workspace, everything, now_ms=graph.now_ms)
    if graph.erased:
        await erase_people(
            tx,
            workspace,
            {graph.survivor(each) for each in graph.erased},
            aliases=graph.erased_aliases,
            now_ms=graph.now_ms,
        )


def _by_key(memberships: Iterable[Membership]) -> dict[tuple[str, str], Membership]:
    return {(each.audience, each.prospect): each for each in memberships}
