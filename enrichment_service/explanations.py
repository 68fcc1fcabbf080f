"""Use case: what an enrichment, or one profile of it, waits for, since when and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from enrichment_service.enrichment_reading import (
    STATES,
    Enrichment,
    parse_enrichment,
    subject_of,
)
from enrichment_service.model import EnrichmentState, Pause, ProfileState
from enrichment_service.ports import StorePort, partition_of
from enrichment_service.refusals import ask


class WaitReason(StrEnum):
    """What is waited for; the values are the contract's names without their prefix."""

    TURN = "TURN"
    """A turn in the account's ticks."""
    VIEW = "VIEW"
    """The answer of a view under way."""
    RETRY = "RETRY"
    """The time of another try."""
    PAUSE = "PAUSE"
    """The end of a pause."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """A wait; None as reason is waiting for nothing. Times in milliseconds, None if not known."""

    reason: WaitReason | None = None
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What holds an enrichment or a profile up. Times in milliseconds.

    Attributes:
        wait: of the profile, or without one of the enrichment.
        pause: of the enrichment or its account; None while nothing is pending.
        next_tick_ms: when views are made for it next, as far as is known.
        state: of the profile, if one was asked for.
        attempts: views tried for the profile.
        retry_ms: when the profile is tried again.
    """

    wait: Wait
    pause: Pause | None
    next_tick_ms: int | None
    state: ProfileState | None = None
    attempts: int = 0
    retry_ms: int | None = None


class Explanations:
    """Explains enrichments, at the same cost for any size."""

    def __init__(self, store: StorePort) -> None:
        self._store = store

    async def of_enrichment(self, enrichment: str) -> Explanation:
        """What `<workspace>/<enrichment>` waits for."""
        view = await self._read(enrichment, None)
        shown = parse_enrichment(view)
        return Explanation(
            wait=_wait_of_enrichment(shown, view),
            pause=shown.pause,
            next_tick_ms=_next(shown, view),
        )

    async def of_profile(self, enrichment: str, profile: str) -> Explanation:
        """What a profile of it waits for. NOT_FOUND when it is not in the enrichment."""
        view = await self._read(enrichment, profile)
        shown, place = parse_enrichment(view), view["profile"]
        state = STATES[place["state"]]
        pending = state is ProfileState.PENDING
        return Explanation(
            wait=_wait_of_profile(shown, view),
            pause=shown.pause if pending else None,
            next_tick_ms=_next(shown, view) if pending else None,
            state=state,
            attempts=int(place["attempts"]),
            retry_ms=_ms(view, "retry"),
        )

    async def _read(self, enrichment: str, profile: str | None) -> Mapping[str, Any]:
        workspace, subject = subject_of(enrichment)
        if profile is not None:
            subject = f"workspaces/{workspace}/profiles/{profile} in {subject}"
        answer: Mapping[str, Any] = await ask(
            self._store,
            partition_of(workspace),
            "explain_enrichment",
            subject=subject,
            enrichment=enrichment,
            profile=profile,
        )
        return answer


def _wait_of_enrichment(enrichment: Enrichment, view: Mapping[str, Any]) -> Wait:
    if enrichment.state is not EnrichmentState.ACTIVE:
        return Wait()
    if "viewing" in view:
        return Wait(reason=WaitReason.VIEW, since_ms=_ms(view, "viewing"))
    if enrichment.pause is not None:
        return _wait_of_pause(enrichment.pause)
    last_tick = _last_tick(view)
    if not view["queued"] and "retry" in view:
        return Wait(reason=WaitReason.RETRY, since_ms=last_tick, until_ms=_ms(view, "retry"))
    return Wait(reason=WaitReason.TURN, since_ms=last_tick or enrichment.created_ms)


def _wait_of_profile(enrichment: Enrichment, view: Mapping[str, Any]) -> Wait:
    letter, since, retry = (
        view["profile"]["state"],
        _ms(view["profile"], "since"),
        _ms(view, "retry"),
    )
    pause = enrichment.pause
    if STATES[letter] is not ProfileState.PENDING:
        return Wait(since_ms=since)
    if letter == "v":
        return Wait(reason=WaitReason.VIEW, since_ms=since)
    # Of two waits the one that ends last is what counts.
    if pause is not None and (retry is None or pause.until_ms is None or pause.until_ms > retry):
        return _wait_of_pause(pause)
    if letter == "r":
        return Wait(reason=WaitReason.RETRY, since_ms=since, until_ms=retry)
    return Wait(reason=WaitReason.TURN, since_ms=since)


def _wait_of_pause(pause: Pause) -> Wait:
    return Wait(reason=WaitReason.PAUSE, since_ms=pause.since_ms, until_ms=pause.until_ms)


def _next(enrichment: Enrichment, view: Mapping[str, Any]) -> int | None:
    """When views are made next: now, while the account's tick is being worked."""
    pause = enrichment.pause
    if enrichment.state is not EnrichmentState.ACTIVE:
        return None
    if pause is not None:
        return pause.until_ms
    if view["at_work"]:
        return int(view["now"])
    due = _ms(view, "due")
    if due is not None and not view["queued"] and "retry" in view:
        due = max(due, int(view["retry"]))
    return due


def _last_tick(view: Mapping[str, Any]) -> int | None:
    return _ms(view.get("account", {}).get("settings", {}), "tick_at")


def _ms(fields: Mapping[str, Any], name: str) -> int | None:
    return int(fields[name]) if name in fields else None
