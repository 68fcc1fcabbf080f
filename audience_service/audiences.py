"""Audiences: their settings, and the wish to enrich them."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from audience_service.enrichment_model import Outlook
from audience_service.errors import account_needed, etag_mismatch, request_id_reused
from audience_service.model import Audience
from audience_service.ports import EnrichmentGateway, Store, Transaction
from audience_service.signals import Signals
from servicekit.clock import Clock
from servicekit.errors import already_exists, failed_precondition, not_found
from servicekit.names import random_id


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
    recipe: Sequence[str] = ()

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests, whatever their request id."""
        text = json.dumps(
            [self.id, self.display_name, self.description, self.account, *self.recipe]
        )
        return hashlib.sha256(text.encode()).hexdigest()


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
    if await tx.audiences.get(new.workspace, audience_id) is not None:
        raise already_exists("audience", f"workspaces/{new.workspace}/audiences/{audience_id}")
    audience = Audience(
        workspace=new.workspace,
        id=audience_id,
        display_name=new.display_name,
        description=new.description,
        account=new.account,
        create_ms=now_ms,
        update_ms=now_ms,
        building=building,
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


class Audiences:
    """Use cases of audiences but for their members."""

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
        """The audience, and what the enrichment service says about it if it answers in time."""
        found = await self._store.read(lambda tx: require_audience(tx, workspace, audience))
        if not found.enrichment_created:
            return found, Outlook()
        return found, await self._enrichment.outlook(workspace, found.enrichment_id)

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Audience]:
        """Audiences by id, after ``after``."""
        return await self._store.read(
            lambda tx: tx.audiences.page(workspace, after=after, limit=limit)
        )

    async def update(
        self, workspace: str, audience: str, changes: Mapping[str, str], *, etag: str
    ) -> Audience:
        """Change display_name, description and account (an id), those that ``changes`` has."""

        def change(found: Audience) -> Audience:
            if etag and etag != str(found.revision):
                raise etag_mismatch("audience")
            account = changes.get("account", found.account)
            if account != found.account and found.enrichment_wanted:
                raise failed_precondition(
                    "ACCOUNT_FIXED",
                    "The account cannot change after StartEnrichment. Create another audience "
                    "for the other account.",
                )
            return replace(
                found,
                display_name=changes.get("display_name", found.display_name),
                description=changes.get("description", found.description),
                account=account,
            )

        return await self._change(workspace, audience, change)

    async def delete(self, workspace: str, audience: str, *, etag: str) -> None:
        """Delete an audience; its enrichment is cancelled in the background."""

        def change(found: Audience) -> Audience:
            if etag and etag != str(found.revision):
                raise etag_mismatch("audience")
            return replace(found, delete_ms=self._clock.now_ms())

        await self._change(workspace, audience, change)

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
            if changed != found:
                changed = replace(
                    changed, revision=found.revision + 1, update_ms=self._clock.now_ms()
                )
                await tx.audiences.update(changed)
            return changed

        changed = await self._store.write([workspace], work)
        self._signals.send("submitting")
        return changed
