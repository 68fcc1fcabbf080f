"""Use cases of enrichments: what is wanted, how far it is, how long it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from enrichment_service.enrichment_reading import (
    FRESH_MS,
    STATES,
    Enrichment,
    parse_enrichment,
    subject_of,
)
from enrichment_service.model import ProfileState
from enrichment_service.person_keys import PersonKeys
from enrichment_service.ports import StorePort, partition_of
from enrichment_service.refusals import ask
from servicekit.errors import ServiceError
from servicekit.names import random_id

_SHARED_PREFIX = 7
_PREFIX_SHARED_BY = 100


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A person to enrich, by all known ids (the first is the one to ask for)."""

    identifiers: tuple[str, ...]
    reference: str


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What became of a submission; `profile` is its id within the workspace."""

    profile: str
    reference: str
    state: ProfileState


class Enrichments:
    """Creates enrichments, fills them and reads them."""

    def __init__(self, store: StorePort, *, keys: PersonKeys) -> None:
        self._store = store
        self._keys = keys

    async def create(
        self,
        enrichment: str,
        *,
        account: str,
        display_name: str,
        max_age_ms: int | None,
        request_id: str | None,
        body: str,
    ) -> Enrichment:
        """An empty one. NOT_FOUND when there is no such account."""
        answer = await self._ask(
            "create_enrichment",
            enrichment,
            account=account,
            display_name=display_name,
            max_age_ms=FRESH_MS if max_age_ms is None else max_age_ms,
            request_id=request_id,
            body=body,
        )
        return parse_enrichment(answer)

    async def submit(self, enrichment: str, profiles: Sequence[Submission]) -> list[Submitted]:
        """Adds people; one that is there already stays as it is.

        FAILED_PRECONDITION (ERASURE_KEY_MISSING, ENRICHMENT_CANCELLED).
        """
        workspace, _ = subject_of(enrichment)
        while True:
            try:
                answer = await self._ask(
                    "submit_profiles",
                    enrichment,
                    profiles=[
                        {
                            "ids": self._keys.of(workspace, person.identifiers),
                            "ask": person.identifiers[0],
                            "reference": person.reference,
                            "fresh_id": fresh_id,
                        }
                        for person, fresh_id in zip(
                            profiles, _fresh_ids(len(profiles)), strict=True
                        )
                    ],
                )
            except ServiceError as error:
                if error.reason == "PROFILE_ID_TAKEN":
                    continue
                raise
            return [
                Submitted(
                    profile=item["profile"],
                    reference=item["reference"],
                    state=STATES[item["state"]],
                )
                for item in answer
            ]

    async def withdraw(self, enrichment: str, profiles: Sequence[str]) -> int:
        """Takes out what is pending; how many that were."""
        answer = await self._ask("withdraw_profiles", enrichment, profiles=list(profiles))
        return int(answer["withdrawn"])

    async def get(self, enrichment: str) -> Enrichment:
        """With pause and forecast; costs the same for any size."""
        return parse_enrichment(await self._ask("get_enrichment", enrichment))

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Enrichment]:
        """Enrichments of a workspace by id, without forecasts."""
        answer = await ask(
            self._store,
            partition_of(workspace),
            "list_enrichments",
            subject=f"workspaces/{workspace}",
            workspace=workspace,
            after=after,
            limit=limit,
        )
        return [parse_enrichment(item) for item in answer or ()]

    async def get_profiles(
        self, workspace: str, profiles: Sequence[str], *, account: str | None
    ) -> list[Mapping[str, Any]]:
        """Records of people from the cache, in the same order, as get_profiles.lua shows them.

        What only one account sees is there only for `account`.
        """
        answer = await ask(
            self._store,
            partition_of(workspace),
            "get_profiles",
            subject=f"workspaces/{workspace}",
            workspace=workspace,
            profiles=list(profiles),
            account=account,
        )
        return list(answer)

    async def set_paused(self, enrichment: str, *, paused: bool) -> Enrichment:
        """Pauses for the caller, or ends that pause."""
        await self._ask("set_enrichment_paused", enrichment, paused=paused)
        return await self.get(enrichment)

    async def cancel(self, enrichment: str) -> Enrichment:
        """Withdraws everything that is pending, for good; costs the same for any size."""
        await self._ask("cancel_enrichment", enrichment)
        return await self.get(enrichment)

    async def retry_failed(self, enrichment: str) -> Enrichment:
        """Queues again what failed, a part at a time; a call that breaks off may be repeated."""
        after: str | None = ""
        while after is not None:
            answer = await self._ask("retry_failed", enrichment, after=after)
            after = answer.get("after")
        return await self.get(enrichment)

    async def _ask(self, function: str, enrichment: str, **request: object) -> Any:
        workspace, subject = subject_of(enrichment)
        return await ask(
            self._store,
            partition_of(workspace),
            function,
            subject=subject,
            enrichment=enrichment,
            **request,
        )


def _fresh_ids(count: int) -> list[str]:
    """Random profile ids; each hundred shares its first characters, and so a bucket of states."""
    ids: list[str] = []
    while len(ids) < count:
        prefix = random_id(_SHARED_PREFIX)
        bucket: set[str] = set()
        while len(bucket) < min(_PREFIX_SHARED_BY, count - len(ids)):
            bucket.add(prefix + random_id(6))
        ids += bucket
    return ids
