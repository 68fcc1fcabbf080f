"""What a batch of rows changes, and what becomes of each row."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from audience_service.identity import Rejection
from audience_service.import_files import ImportedRow
from audience_service.import_model import ImportRow, RowClass
from audience_service.model import FieldSource, Prospect
from audience_service.provenance import new_prospect_ids, write_fields

_COUNT_NAMES = {each: each.name.lower() for each in RowClass}


@dataclass(slots=True, kw_only=True)
class BatchPlan:
    """What a batch writes; prospects, aliases and members in the order of the rows."""

    rows: list[ImportRow] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    """The prospect of each row, empty for rows that name none."""
    new_prospects: list[Prospect] = field(default_factory=list)
    changed_prospects: dict[str, Prospect] = field(default_factory=dict)
    new_aliases: dict[str, str] = field(default_factory=dict)
    joining: list[str] = field(default_factory=list)
    met_again: list[str] = field(default_factory=list)

    def counts(self) -> Mapping[str, int]:
        """Rows by class, named as in RowCounts."""
        return Counter(_COUNT_NAMES[row.row_class] for row in self.rows)


def aliases_in(rows: Iterable[ImportedRow]) -> list[str]:
    """Every alias in the rows, each once."""
    return list(dict.fromkeys(each.alias for row in rows for each in row.identities))


def plan_batch(
    rows: Sequence[ImportedRow],
    *,
    workspace: str,
    import_number: int,
    known: Mapping[str, str],
    prospects: Mapping[str, Prospect],
    last_imports: Mapping[str, int],
    erased: Collection[str],
    suppressed: Collection[str],
    now_ms: int,
) -> BatchPlan:
    """Plan a batch.

    ``known`` leads from the aliases of the rows to prospects, ``prospects`` holds these, and
    ``last_imports`` tells which of them are members, and which import met them last; ``erased`` are
    those of the aliases that have a tombstone, ``suppressed`` those on the suppression list.
    A row whose names lead to several prospects means the first: only an equal member id or provider
    id, which enrichment finds, makes two prospects one.
    """
    plan = BatchPlan()
    ids = new_prospect_ids(now_ms)
    leads = dict(known)
    at_hand = dict(prospects)
    met = dict(last_imports)
    refused = dict.fromkeys(suppressed, RowClass.SUPPRESSED)
    refused |= dict.fromkeys(erased, RowClass.ERASED)
    for row in rows:
        if row.problem is not None:
            plan.rows.append(_problem(row.number, row.problem))
            plan.people.append("")
            continue
        aliases = [each.alias for each in row.identities]
        refusals = {refused[alias] for alias in aliases if alias in refused}
        if refusals:
            plan.rows.append(ImportRow(row.number, max(refusals), ""))
            plan.people.append("")
            continue
        found = next((leads[alias] for alias in aliases if alias in leads), None)
        if found is None:
            prospect = Prospect(
                workspace=workspace,
                id=next(ids),
                primary_alias=aliases[0],
                create_ms=now_ms,
                update_ms=now_ms,
            )
            at_hand[prospect.id] = prospect
            plan.new_prospects.append(prospect)
        else:
            prospect = at_hand[found]
        for alias in aliases:
            if alias not in leads:
                leads[alias] = plan.new_aliases[alias] = prospect.id
        changed = write_fields(prospect, row_fields(row), source=FieldSource.IMPORT, now_ms=now_ms)
        if changed and prospect.id in prospects and prospect.id not in plan.changed_prospects:
            prospect.revision += 1
            prospect.update_ms = now_ms
            plan.changed_prospects[prospect.id] = prospect
        plan.people.append(prospect.id)
        plan.rows.append(ImportRow(row.number, _meet(prospect.id, met, import_number, plan), ""))
    return plan


def row_fields(row: ImportedRow) -> dict[str, str]:
    """The fields that a row gives; a full name alone is split at its first blank."""
    fields = dict(row.fields)
    full_name = fields.pop("full_name", "")
    if full_name and "first_name" not in fields and "last_name" not in fields:
        fields["first_name"], _, fields["last_name"] = full_name.partition(" ")
    return fields


def _meet(prospect: str, met: dict[str, int], import_number: int, plan: BatchPlan) -> RowClass:
    before = met.get(prospect)
    met[prospect] = import_number
    if before is None:
        plan.joining.append(prospect)
        return RowClass.ADDED
    if before == import_number:
        return RowClass.MERGED
    plan.met_again.append(prospect)
    return RowClass.ALREADY_THERE


def _problem(number: int, problem: Rejection) -> ImportRow:
    if problem is Rejection.NO_URL:
        return ImportRow(number, RowClass.NO_PROFILE, "")
    return ImportRow(number, RowClass.REJECTED, problem.value)
