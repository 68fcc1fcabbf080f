"""Prospects, aliases and memberships at hand, and what linking changes in them.

Two prospects become one only when enrichment shows an equal provider id or member id. A vanity
alone never joins anybody: people change theirs, and others take it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from audience_service.enrichment_model import ProfileData
from audience_service.model import (
    Departure,
    DepartureReason,
    FieldSource,
    Membership,
    MemberState,
    Prospect,
)
from audience_service.profile_names import aliases_of, strong_aliases, vanity_alias
from audience_service.provenance import merge_fields, new_prospect_ids, write_fields

# Which of two states of one person says more.
_WORTH = {
    MemberState.NOT_SUBMITTED: 0,
    MemberState.PENDING: 1,
    MemberState.FAILED: 2,
    MemberState.PARTIAL: 3,
    MemberState.CACHED: 4,
    MemberState.ENRICHED: 5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A membership that goes to another prospect, or ends where that one is a member already."""

    audience: str
    prospect: str
    to_prospect: str
    ends: bool


@dataclass(slots=True, kw_only=True)
class PersonGraph:
    """What was loaded, changed in place; and what has to be written, in the order of the steps."""

    workspace: str
    now_ms: int
    prospects: dict[str, Prospect]
    leads: dict[str, str]
    memberships: dict[tuple[str, str], Membership]
    suppressed: set[str] = field(default_factory=set)
    tombstoned: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    erased_aliases: set[str] = field(default_factory=set)
    new: list[Prospect] = field(default_factory=list)
    changed: dict[str, Prospect] = field(default_factory=dict)
    merged: list[tuple[str, str]] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    changed_memberships: dict[tuple[str, str], Membership] = field(default_factory=dict)
    new_leads: dict[str, str] = field(default_factory=dict)
    newly_suppressed: list[Membership] = field(default_factory=list)
    withdrawals: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def survivor(self, prospect: str) -> str:
        """Who stands for a prospect now."""
        while (into := self.prospects[prospect].merged_into) is not None:
            prospect = into
        return prospect

    def owner(self, alias: str) -> str | None:
        """Whom an alias leads to."""
        found = self.leads.get(alias)
        return None if found is None else self.survivor(found)

    def learn(self, people: Iterable[str], data: ProfileData) -> str | None:
        """One view showed ``data`` of the person that ``people`` stand for.

        Merges whoever is that person, and writes ids, aliases and fields. Returns the prospect,
        None when the view showed no id and nobody could be told apart, or an erased person.
        """
        known = list(dict.fromkeys(self.survivor(each) for each in people))
        strong = strong_aliases(data)
        if not self.tombstoned.isdisjoint(names := aliases_of([data])):
            theirs = [each for each in known if not self._is_another(each, data)]
            theirs += [owner for alias in strong if (owner := self.owner(alias)) is not None]
            self.erase(theirs, names)
            return None
        if not strong:
            for each in known:
                self._write(self.prospects[each], data)
            return known[0] if len(known) == 1 else None
        same = [each for each in known if not self._is_another(each, data)]
        owners = [owner for alias in strong if (owner := self.owner(alias)) is not None]
        person = self._merge(dict.fromkeys(same + owners)) or self._create(strong[0])
        for other in known:
            if other not in same and other != person:
                self._hand_over(other, person)
        prospect = self.prospects[person]
        self._name(prospect, data, strong)
        self._write(prospect, data)
        if not prospect.suppressed and not self.suppressed.isdisjoint(names):
            self._suppress(prospect)
        return person

    def erase(self, people: Iterable[str], aliases: Iterable[str] = ()) -> None:
        """Erase people, in the end of it all; ``aliases`` are further names of theirs."""
        self.erased |= {self.survivor(each) for each in people}
        self.erased_aliases.update(aliases)
        self.tombstoned.update(aliases)

    def departures(self) -> list[Departure]:
        """Memberships that go to another prospect: because two are one, or a person is another."""
        left = [
            Departure(
                audience=step.audience,
                prospect=step.prospect,
                reason=DepartureReason.MERGED,
                merged_into=self.survivor(step.to_prospect),
            )
            for step in self.moved
        ]
        left += [
            Departure(each.audience, each.prospect, DepartureReason.SUPPRESSED)
            for each in self.newly_suppressed
        ]
        return left

    def set_state(self, membership: Membership, state: MemberState) -> None:
        """Move a membership to another state, and the counters with it."""
        if state is membership.state:
            return
        self._count(membership.audience, membership.state, -1)
        self._count(membership.audience, state, +1)
        membership.state = state
        self.touch(membership)

    def touch(self, membership: Membership) -> None:
        """Remember to write a membership."""
        self.changed_memberships[membership.audience, membership.prospect] = membership

    def _count(self, audience: str, state: MemberState, change: int) -> None:
        if state is not MemberState.NOT_SUBMITTED:
            self.counts[audience][state.name.lower()] += change

    def _suppress(self, prospect: Prospect) -> None:
        """A view has shown that a prospect is somebody whom nobody may contact."""
        prospect.suppressed = True
        for (audience, member), membership in self.memberships.items():
            if member != prospect.id:
                continue
            self.newly_suppressed.append(membership)
            if membership.state is MemberState.PENDING:
                self.withdrawals[audience].add(membership.profile)

    def _is_another(self, prospect: str, data: ProfileData) -> bool:
        """Whether a prospect is known to be somebody else than the person of ``data``."""
        ids = self.prospects[prospect]
        return bool(
            (ids.member_id and data.member_id and ids.member_id != data.member_id)
            or (ids.provider_id and data.provider_id and ids.provider_id != data.provider_id)
        )

    def _create(self, alias: str) -> str:
        prospect = Prospect(
            workspace=self.workspace,
            id=next(new_prospect_ids(self.now_ms)),
            primary_alias=alias,
            create_ms=self.now_ms,
            update_ms=self.now_ms,
        )
        self.prospects[prospect.id] = prospect
        self.new.append(prospect)
        return prospect.id

    def _merge(self, same: Iterable[str]) -> str | None:
        """Make one person of several prospects: the oldest stays."""
        people = sorted((self.prospects[each] for each in same), key=_age)
        if not people:
            return None
        survivor, *others = people
        partly_suppressed = len({each.suppressed for each in people}) > 1
        for other in others:
            merge_fields(survivor, other)
            survivor.member_id = survivor.member_id or other.member_id
            survivor.provider_id = survivor.provider_id or other.provider_id
            survivor.enrich_ms = max(survivor.enrich_ms or 0, other.enrich_ms or 0) or None
            other.merged_into = survivor.id
            self.merged.append((other.id, survivor.id))
            self._hand_over(other.id, survivor.id)
            self._change(other)
            self._change(survivor)
        if partly_suppressed:
            self._suppress(survivor)
        return survivor.id

    def _hand_over(self, prospect: str, to_prospect: str) -> None:
        """Give all memberships to another prospect, who keeps one an audience."""
        for audience, member in list(self.memberships):
            if member != prospect:
                continue
            theirs = self.memberships.pop((audience, prospect))
            self.changed_memberships.pop((audience, prospect), None)
            ours = self.memberships.get((audience, to_prospect))
            if ours is None:
                theirs.prospect = to_prospect
                self.memberships[audience, to_prospect] = theirs
                self.moved.append(
                    Moved(audience=audience, prospect=prospect, to_prospect=to_prospect, ends=False)
                )
                self.touch(theirs)
                continue
            self.moved.append(
                Moved(audience=audience, prospect=prospect, to_prospect=to_prospect, ends=True)
            )
            self._count(audience, theirs.state, -1)
            self.counts[audience]["members"] -= 1
            if theirs.state is MemberState.PENDING and theirs.profile not in ("", ours.profile):
                self.withdrawals[audience].add(theirs.profile)
            if _WORTH[theirs.state] > _WORTH[ours.state]:
                self.set_state(ours, theirs.state)
                ours.profile, ours.degree = theirs.profile, theirs.degree
                ours.event_revision = theirs.event_revision
                self.touch(ours)

    def _name(self, prospect: Prospect, data: ProfileData, strong: Iterable[str]) -> None:
        """Give a person the ids and the vanity that a view showed."""
        prospect.member_id = data.member_id or prospect.member_id
        prospect.provider_id = data.provider_id or prospect.provider_id
        for alias in strong:
            self._lead(alias, prospect.id)
        vanity = vanity_alias(data)
        if vanity is None:
            return
        owner = self.owner(vanity)
        if owner is not None and owner != prospect.id and self._is_another(owner, data):
            # The vanity has moved to another member: its former owner keeps the ids.
            former = self.prospects[owner]
            if former.primary_alias == vanity:
                former.primary_alias = _strongest(former)
                self._change(former)
            owner = None
        if owner is None:
            self._lead(vanity, prospect.id)
            owner = prospect.id
        if owner == prospect.id:
            prospect.primary_alias = vanity

    def _lead(self, alias: str, prospect: str) -> None:
        if self.leads.get(alias) != prospect:
            self.leads[alias] = self.new_leads[alias] = prospect

    def _write(self, prospect: Prospect, data: ProfileData) -> None:
        """Write the fields, unless they are older than what is known."""
        seen_ms = data.view_ms or self.now_ms
        if prospect.enrich_ms is None or seen_ms >= prospect.enrich_ms:
            write_fields(prospect, data.fields, source=FieldSource.ENRICHMENT, now_ms=seen_ms)
            if data.fields.get("picture_url"):
                prospect.picture_expire_ms = data.picture_expire_ms
            prospect.enrich_ms = data.view_ms or prospect.enrich_ms
        self._change(prospect)

    def _change(self, prospect: Prospect) -> None:
        if prospect.id not in self.changed:
            prospect.revision += 1
            prospect.update_ms = self.now_ms
        self.changed[prospect.id] = prospect


def _strongest(prospect: Prospect) -> str:
    if prospect.provider_id:
        return strong_aliases(ProfileData(provider_id=prospect.provider_id))[0]
    return f"member:{prospect.member_id}"


def _age(prospect: Prospect) -> tuple[int, str]:
    return prospect.create_ms, prospect.id
