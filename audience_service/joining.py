"""Plans rows against what is stored, and writes the plan: new people, and who joins an audience."""

from collections.abc import Sequence

from audience_service.import_files import ImportedRow
from audience_service.import_plan import BatchPlan, aliases_in, plan_batch
from audience_service.ports import Transaction


async def plan_rows(
    tx: Transaction,
    rows: Sequence[ImportedRow],
    *,
    workspace: str,
    audience: str,
    import_number: int,
    now_ms: int,
) -> BatchPlan:
    """Plan rows against what is stored, with five look-ups however many rows there are."""
    aliases = aliases_in(rows)
    known = await tx.prospects.by_aliases(workspace, aliases)
    ids = set(known.values())
    return plan_batch(
        rows,
        workspace=workspace,
        import_number=import_number,
        known=known,
        prospects=await tx.prospects.get_many(workspace, ids) if ids else {},
        last_imports=await tx.members.last_imports(workspace, audience, ids) if ids else {},
        erased=await tx.erasures.erased_among(workspace, aliases),
        suppressed=await tx.suppressions.among(workspace, aliases),
        now_ms=now_ms,
    )


async def write_plan(
    tx: Transaction,
    plan: BatchPlan,
    *,
    workspace: str,
    audience: str,
    import_number: int,
    now_ms: int,
) -> None:
    """Write people, aliases, memberships and counters."""
    await tx.prospects.insert(plan.new_prospects)
    await tx.prospects.update(list(plan.changed_prospects.values()))
    await tx.prospects.add_aliases(workspace, plan.new_aliases)
    if plan.met_again:
        await tx.members.mark(workspace, audience, plan.met_again, import_number=import_number)
    if not plan.joining:
        return
    first_seq = await tx.audiences.take_seq(workspace, len(plan.joining))
    await tx.members.join(
        workspace,
        audience,
        plan.joining,
        first_seq=first_seq,
        now_ms=now_ms,
        import_number=import_number,
    )
    await tx.audiences.count(
        workspace,
        audience,
        {"members": len(plan.joining)},
        last_seq=first_seq + len(plan.joining) - 1,
    )
