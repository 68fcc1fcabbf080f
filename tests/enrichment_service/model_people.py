"""The cache of people in plain Python: records, the ids that lead to them, and their joining."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Record:
    """What is known of a person; one that was joined to an older record only leads there."""

    id: str
    ask: str
    created: int
    ids: list[str] = field(default_factory=list)
    was: list[str] = field(default_factory=list)
    merged: str = ""
    viewed: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    viewers: dict[str, dict[str, Any]] = field(default_factory=dict)
    viewing: tuple[str, str] | None = None

    def is_fresh(self, now_ms: int, max_age_ms: int) -> bool:
        """Known well enough not to be viewed."""
        return self.viewed is not None and now_ms - self.viewed < max_age_ms

    def is_of_another(self, person: dict[str, Any]) -> bool:
        """Of somebody else than a view showed."""
        known = self.data.get("provider_id")
        return known is not None and known != person["provider_id"]


@dataclass(kw_only=True)
class PeopleModel:
    """One workspace's people; nobody is erased."""

    records: dict[str, Record] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def head(self, p: str) -> Record:
        """The record that speaks for a person."""
        record = self.records[p]
        return self.head(record.merged) if record.merged else record

    def find(self, profile: dict[str, Any], *, now_ms: int, max_age_ms: int) -> Record:
        """The record of a submission: a fresh one, or the first, or a new one."""
        known = [self.head(self.aliases[own]) for own in profile["ids"] if own in self.aliases]
        fresh = [record for record in known if record.is_fresh(now_ms, max_age_ms)]
        if not known:
            p = profile["fresh_id"]
            known = [Record(id=p, ask=profile["ask"], created=now_ms)]
            self.records[p] = known[0]
        record = (fresh or known)[0]
        for own in profile["ids"]:
            if own not in self.aliases:
                self.aliases[own] = record.id
                record.ids.append(own)
        return record

    def write(
        self, p: str, person: dict[str, Any], *, provider: str, complete: bool, now_ms: int
    ) -> str:
        """What a view showed, and whom it is about; the same person's records are joined.

        Somebody whose vanity belongs to another now keeps the other ids.
        """
        if self.head(p).is_of_another(person):
            p = person["new_profile"]
            self.records[p] = Record(id=p, ask=person["ask"], created=now_ms)
        group = {self.head(p).id}
        for own in person["ids"]:
            record = self.head(self.aliases[own]) if own in self.aliases else None
            if record and record.is_of_another(person):
                record.ids.remove(own)
                record.ask = record.data["provider_id"]
            elif record:
                group.add(record.id)
        records = [self.records[name] for name in group]
        head = min(records, key=lambda record: (record.created, record.id))
        best = max(records, key=lambda record: record.viewed or 0)
        head.data = person["data"] if complete else best.data | person["data"]
        head.viewed = now_ms if complete else best.viewed
        for record in records:
            if record is not head:
                head.was += [*record.was, record.id]
                head.ids += record.ids
                head.viewers = record.viewers | head.viewers
                record.merged = head.id
        head.viewers[provider] = person["viewer"]
        head.ids += [own for own in person["ids"] if own not in head.ids]
        self.aliases |= dict.fromkeys(head.ids, head.id)
        return p

    def shown(self, p: str, provider: str) -> dict[str, Any]:
        """What get_profiles says, as one account may see it."""
        record = self.head(p)
        if not record.data:
            return {}
        shown: dict[str, Any] = {"data": record.data}
        shown |= {"partial": "1"} if record.viewed is None else {"viewed": str(record.viewed)}
        if provider in record.viewers:
            shown["viewer"] = record.viewers[provider]
        return shown
