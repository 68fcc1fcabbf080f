"""Which events a reader wants: a filter, and its share of the partitions."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from enrichment_service.ports import PARTITIONS, partition_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Empty sets want everything; the sets are ANDed, their items ORed.

    Attributes:
        workspaces: `<workspace>`.
        accounts: `<workspace>/<account>`.
        enrichments: `<workspace>/<enrichment>`.
        types: as entries of the log name them, such as `PROFILE_ENRICHED`.
    """

    workspaces: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    enrichments: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()

    def wants(self, entry: Mapping[str, Any]) -> bool:
        """Whether an entry of the log passes."""
        return (
            (not self.types or entry["t"] in self.types)
            and (not self.workspaces or entry["w"] in self.workspaces)
            and (not self.accounts or entry.get("a") in self.accounts)
            and (not self.enrichments or entry.get("e") in self.enrichments)
        )

    def workspaces_named(self) -> frozenset[str] | None:
        """The workspaces that can hold what passes; None when all can."""
        lists = [
            frozenset(name.partition("/")[0] for name in names)
            for names in (self.workspaces, self.accounts, self.enrichments)
            if names
        ]
        return frozenset.intersection(*lists) if lists else None

    def partitions(self) -> frozenset[int]:
        """The partitions that can hold what passes."""
        named = self.workspaces_named()
        return frozenset(range(PARTITIONS) if named is None else map(partition_of, named))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of `count` replicas of a consumer, which share the partitions among them."""

    index: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What one reader reads."""

    filter: EventFilter
    shard: Shard = Shard()

    def partitions(self) -> frozenset[int]:
        """The partitions to read."""
        return frozenset(
            partition
            for partition in self.filter.partitions()
            if partition % self.shard.count == self.shard.index
        )

    def fingerprint(self) -> bytes:
        """8 bytes that tell this selection from others, whatever the order of its lists."""
        names = (
            self.filter.workspaces,
            self.filter.accounts,
            self.filter.enrichments,
            self.filter.types,
        )
        whole = [*(sorted(items) for items in names), self.shard.index, self.shard.count]
        return hashlib.sha256(json.dumps(whole).encode()).digest()[:8]
