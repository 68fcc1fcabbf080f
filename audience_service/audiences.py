"""Audiences: their settings, and the wish to enrich them."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from audience_service.audience_query import AudienceField, AudienceQuery, Place
from audience_service.enrichment_model import Outlook
from audience_service.errors import account_needed, etag_mismatch, id_taken, request_id_reused
from audience_service.model import Audience
from audience_service.ports import EnrichmentGateway, Store, Transaction
from audience_service.provenance import fold
from audience_service.signals import Signals
from servicekit.clock import Clock
from servicekit.errors import failed_precondition, invalid_argument, not_found
from servicekit.names import random_id

_MOST_LABELS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAudience:
    """What a caller gives; ``id`` and ``request_id`` may be empty.

    ``recipe`` says of what the audience is put together.
    """

    workspace: str
    id: str
    display_name: str
    description: str
    account: str
    request_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    recipe: Sequence[str] = ()

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests, whatever their request id."""
        text = json.dumps(
            [
                *(self.id, self.display_name, self.description, self.account, *self.recipe),
                # Only when there are any: requests that were kept before labels came stay equal.
                *([sorted(self.labels.items())] if self.labels else []),
            ]
        )
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceChanges:
    """What a caller changes: ``texts`` are display_name, description and account (an id).

    ``labels`` takes the place of all labels; ``changed_labels`` of single ones, None takes one out.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] | None = None
    changed_labels: Mapping[str, str | None] = field(default_factory=dict)

    def labels_after(self, before: Mapping[str, str]) -> dict[str, str]:
        """All labels after the change. INVALID_ARGUMENT when there are too many."""
        changed = {**(before if self.labels is None else self.labels), **self.changed_labels}
        after = {key: value for key, value in changed.items() if value is not None}
        if len(after) > _MOST_LABELS:
            raise invalid_argument(
                "audience.labels", f"must not be more than {_MOST_LABELS} in all"
            )
        return after


async def require_audience(tx: Transaction, workspace: str, audience: str) -> Audience:
    """The audience; NOT_FOUND, AUDIENCE_NOT_FOUND, when there is none or it is deleted."""
    found = await tx.audiences.get(workspace, audience)
    if found is None or found.delete_ms is not None:
        raise not_found("audience", f"workspaces/{workspace}/audiences/{audience}")
    return found


async def create_audience(
    tx: Transaction, new: NewAudience, *, now_ms: int, building: bool = False
) -> tuple[Audience, bool]:
    """The audience, and whether it is new: the same request id gives the same one."""
    if new.request_id:
        known = await tx.audiences.recall_request(new.workspace, new.request_id)
        if known is not None:
            fingerprint, audience_id = known
            if fingerprint != new.fingerprint:
                raise request_id_reused()
            return await require_audience(tx, new.workspace, audience_id), False
    audience_id = new.id or random_id()
    taken = await tx.audiences.get(new.workspace, audience_id)
    if taken is not None:
        raise id_taken(taken)
    audience = Audience(
        workspace=new.workspace,
        id=audience_id,
        display_name=new.display_name,
        description=new.description,
        account=new.account,
        create_ms=now_ms,
        update_ms=now_ms,
        building=building,
        labels=new.labels,
    )
    await tx.audiences.insert(audience)
    if new.request_id:
        await tx.audiences.remember_request(
            new.workspace,
            new.request_id,
            fingerprint=new.fingerprint,
            resource=audience_id,
            now_ms=now_ms,
        )
    return audience, True


async def write_changes(
    tx: Transaction, found: Audience, changed: Audience, *, now_ms: int
) -> Audience:
    """Write what has changed, if anything, as a new version."""
    if changed == found:
        return found
    changed = replace(changed, revision=found.revision + 1, update_ms=now_ms)
    await tx.audiences.update(changed)
    if changed.labels != found.labels:
        await tx.audiences.set_labels(changed.workspace, changed.id, changed.labels)
    return changed


def place(audience: Audience, query: AudienceQuery) -> Place:
    """Where an audience stands in the order of a query."""
    values: dict[AudienceField, str | int] = {
        AudienceField.DISPLAY_NAME: fold(audience.display_name),
        AudienceField.CREATE_TIME: audience.create_ms,
        AudienceField.UPDATE_TIME: audience.update_ms,
    }
    return Place(values.get(query.order, ""), audience.id)


def is_purged(audience: Audience, *, now_ms: int) -> bool:
    """Whether its time is over, be it that parts of it are still there."""
    return audience.purge_ms is not None and audience.purge_ms <= now_ms


class Audiences:
    """Use cases of audiences but for their members and their deletion."""

    def __init__(
        self, *, store: Store, clock: Clock, enrichment: EnrichmentGateway, signals: Signals
    ) -> None:
        self._store = store
        self._clock = clock
        self._enrichment = enrichment
        self._signals = signals

    async def create(self, new: NewAudience) -> Audience:
        """Create an empty audience; the same request id gives the same one."""

        async def work(tx: Transaction) -> Audience:
            audience, _ = await create_audience(tx, new, now_ms=self._clock.now_ms())
            return audience

        return await self._store.write([new.workspace], work)

    async def get(self, workspace: str, audience: str) -> tuple[Audience, Outlook]:
        """The audience, and what the enrichment service says about it if it answers in time.

        A deleted one is there until its purge_time.
        """
        found = await self._store.read(lambda tx: tx.audiences.get(workspace, audience))
        if found is None or is_purged(found, now_ms=self._clock.now_ms()):
            raise not_found("audience", f"workspaces/{workspace}/audiences/{audience}")
        if not found.enrichment_created:
            return found, Outlook()
        return found, await self._enrichment.outlook(workspace, found.enrichment_id)

    async def page(
        self, workspace: str, query: AudienceQuery, *, after: Place | None, limit: int
    ) -> list[Audience]:
        """Audiences that fit a query, in its order, after ``after``."""
        return await self._store.read(
            lambda tx: tx.audiences.page(workspace, query, after=after, limit=limit)
        )

    async def update(
        self, workspace: str, audience: str, changes: AudienceChanges, *, etag: str
    ) -> Audience:
        """Change settings and labels."""
        texts = changes.texts

        def change(found: Audience) -> Audience:
            if etag and etag != str(found.revision):
                raise etag_mismatch("audience")
            account = texts.get("account", found.account)
            if account != found.account and found.enrichment_wanted:
                raise failed_precondition(
                    "ACCOUNT_FIXED",
                    "The account cannot change after StartEnrichment. Create another audience "
                    "for the other account.",
                )
            return replace(
                found,
                display_name=texts.get("display_name", found.display_name),
                description=texts.get("description", found.description),
                account=account,
                labels=changes.labels_after(found.labels),
            )

        return await self._change(workspace, audience, change)

    async def start_enrichment(self, workspace: str, audience: str) -> Audience:
        """Record the wish; FAILED_PRECONDITION when its account is not set or not connected."""
        found = await self._store.read(lambda tx: require_audience(tx, workspace, audience))
        if found.enrichment_wanted:
            return found
        if not found.account:
            raise account_needed()
        await self._enrichment.check_account(workspace, found.account)

        def change(now: Audience) -> Audience:
            if now.account != found.account:
                raise account_needed()
            return replace(now, enrichment_wanted=True, enrichment_id=now.enrichment_id or now.id)

        return await self._change(workspace, audience, change)

    async def set_paused(self, workspace: str, audience: str, *, paused: bool) -> Audience:
        """Record that views are to stop, or to go on; the enrichment service is told at once."""

        def change(found: Audience) -> Audience:
            if not found.enrichment_wanted:
                raise failed_precondition(
                    "ENRICHMENT_NOT_STARTED",
                    "The audience is not being enriched. Call StartEnrichment first.",
                )
            return replace(found, enrichment_paused=paused)

        return await self._change(workspace, audience, change)

    async def _change(
        self, workspace: str, audience: str, change: Callable[[Audience], Audience]
    ) -> Audience:
        async def work(tx: Transaction) -> Audience:
            found = await require_audience(tx, workspace, audience)
            changed = change(found)
            return await write_changes(tx, found, changed, now_ms=self._clock.now_ms())

        changed = await self._store.write([workspace], work)
        self._signals.send("submitting")
        return changed
