"""Use cases of connected accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from enrichment_service.model import Account, Pacing, Pause, PauseReason, Strategy, WorkingHours
from enrichment_service.policy.pacing import is_working
from enrichment_service.ports import RefusedError, StorePort, partition_of
from enrichment_service.refusals import ask, to_error
from servicekit.errors import ServiceError, failed_precondition, invalid_argument


@dataclass(frozen=True, kw_only=True)
class AccountSettings:
    """Settings to write; None leaves a setting as it is."""

    display_name: str | None = None
    strategy: Strategy | None = None
    ramp_start_day: int | None = None
    campaign_share: int | None = None
    pacing: Pacing | None = None
    working_hours: WorkingHours | None = None


class Accounts:
    """Connects, changes and removes accounts. Ids are `<workspace>/<account>`."""

    def __init__(self, store: StorePort) -> None:
        self._store = store

    async def connect(
        self,
        account: str,
        *,
        provider_account_id: str,
        settings: AccountSettings,
        request_id: str | None,
        body: str,
    ) -> Account:
        """Claims the provider account over the whole store, then creates the account.

        A crash in between leaves a claim that the repeated call finds to be its own.
        """
        stored = _stored(settings) | {"provider": provider_account_id}
        stored.setdefault("pacing", Pacing.BURST)
        await self._claim(provider_account_id, account, release=False)
        try:
            answer = await self._ask(
                "connect_account",
                account,
                settings=stored,
                ramp_start=settings.ramp_start_day,
                request_id=request_id,
                body=body,
            )
        except ServiceError:
            await self._give_up_claim(provider_account_id, account)
            raise
        return parse_account(answer)

    async def get(self, account: str) -> Account:
        """NOT_FOUND when there is none."""
        return parse_account(await self._ask("get_account", account))

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Account]:
        """Accounts of a workspace by id, beginning behind `after`."""
        answer = await ask(
            self._store,
            partition_of(workspace),
            "list_accounts",
            subject=f"workspaces/{workspace}",
            workspace=workspace,
            after=after,
            limit=limit,
        )
        return [parse_account(item) for item in answer or ()]

    async def update(
        self, account: str, *, settings: AccountSettings, revision: str | None
    ) -> Account:
        """Writes the settings that are given. A new strategy starts its ramp today."""
        current = await self.get(account)
        pacing = settings.pacing or current.pacing
        hours = settings.working_hours or current.working_hours
        _check_hours(pacing, hours)
        answer = await self._ask(
            "update_account",
            account,
            settings=_stored(settings),
            ramp_start=settings.ramp_start_day,
            revision=revision,
        )
        return parse_account(answer)

    async def set_connection(self, account: str, *, connected: bool) -> Account:
        """Disconnects an account, or says that it can be used again."""
        answer = await self._ask("set_account_connection", account, connected=connected)
        return parse_account(answer)

    async def delete(self, account: str, *, revision: str | None) -> None:
        """Deletes an account that no enrichment uses and gives up its claim for tomorrow."""
        answer = await self._ask("delete_account", account, revision=revision)
        await self._claim(str(answer["provider"]), account, release=True)

    async def _ask(self, function: str, account: str, **request: object) -> Any:
        workspace, subject = _subject(account)
        return await ask(
            self._store,
            partition_of(workspace),
            function,
            subject=subject,
            account=account,
            **request,
        )

    async def _claim(self, provider: str, owner: str, *, release: bool) -> None:
        try:
            await self._store.call(
                partition_of(provider),
                "claim_provider_account",
                {"provider": provider, "owner": owner, "release": release or None},
            )
        except RefusedError as refusal:
            raise to_error(refusal, _subject(owner)[1]) from refusal

    async def _give_up_claim(self, provider: str, account: str) -> None:
        """After a refusal: the claim stays only if the account that exists is the claim's own."""
        try:
            existing = await self.get(account)
        except ServiceError as error:
            if error.reason != "ACCOUNT_NOT_FOUND":
                return
        else:
            if existing.provider_account_id == provider:
                return
        await self._claim(provider, account, release=True)


def check_settings(settings: AccountSettings) -> None:
    """INVALID_ARGUMENT for settings that contradict each other, or an unknown time zone."""
    _check_hours(settings.pacing, settings.working_hours)


def _check_hours(pacing: Pacing | None, hours: WorkingHours | None) -> None:
    if pacing is Pacing.SPREAD and hours is None:
        raise invalid_argument("account.working_hours", "is needed with PACING_SPREAD")
    if hours is not None:
        try:
            is_working(hours, now_ms=0)
        except (ValueError, KeyError, OSError):
            # OSError: a folder of the time zone database, such as "Europe".
            raise invalid_argument(
                "account.working_hours.time_zone", "must be an IANA name such as Europe/Berlin"
            ) from None


def parse_account(view: Mapping[str, Any]) -> Account:
    """An account as the store's scripts show it (`account_view`)."""
    settings = view["settings"]
    if "strategy" not in settings:
        raise failed_precondition("ACCOUNT_NOT_FOUND", "The account was deleted.")
    return Account(
        id=view["id"],
        provider_account_id=settings["provider"],
        display_name=settings.get("display_name", ""),
        strategy=Strategy(settings["strategy"]),
        ramp_start_day=int(settings["ramp_start"]),
        ramp_week=int(view["week"]),
        daily_cap=int(view["cap"]),
        campaign_share=int(settings.get("campaign_share", 0)),
        pacing=Pacing(settings["pacing"]),
        working_hours=parse_hours(settings.get("hours")),
        pause=parse_pause(settings),
        counted_errors=int(view["errors"]),
        created_ms=int(settings["created"]),
        updated_ms=int(settings["updated"]),
        revision=int(settings["revision"]),
    )


def parse_pause(settings: Mapping[str, str]) -> Pause | None:
    """The pause in an account's fields."""
    reason = settings.get("pause_reason")
    if reason is None:
        return None
    until = settings.get("pause_until")
    return Pause(
        reason=PauseReason(reason),
        since_ms=int(settings["pause_since"]),
        until_ms=int(until) if until else None,
    )


def parse_hours(text: str | None) -> WorkingHours | None:
    """Working hours as `_stored` writes them."""
    if not text:
        return None
    time_zone, start, end, weekdays = orjson.loads(text)
    return WorkingHours(
        time_zone=time_zone,
        start_minute=start,
        end_minute=end,
        weekdays=frozenset(weekdays),
    )


def _stored(settings: AccountSettings) -> dict[str, object]:
    hours = settings.working_hours
    fields: dict[str, object | None] = {
        "display_name": settings.display_name,
        "strategy": settings.strategy,
        "campaign_share": settings.campaign_share,
        "pacing": settings.pacing,
        "hours": orjson.dumps(
            [hours.time_zone, hours.start_minute, hours.end_minute, sorted(hours.weekdays)]
        ).decode()
        if hours
        else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _subject(account: str) -> tuple[str, str]:
    workspace, _, name = account.partition("/")
    return workspace, f"workspaces/{workspace}/accounts/{name}"
