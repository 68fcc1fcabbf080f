"""What the enrichment service says: of an enrichment, of profiles that were submitted, of events.

Numbers and times are those of ``model``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from audience_service.model import MemberState


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why nothing is viewed; ``reason`` is numbered as in the contract."""

    reason: int
    since_ms: int | None
    until_ms: int | None
    waits_for_person: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How long the rest takes, as the enrichment service says."""

    remaining_views: int
    days_at_todays_cap: float
    days_at_full_cap: float
    days_with_ramp: int
    earliest_complete_date: str
    latest_complete_date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the enrichment service says about an enrichment; unreachable when it did not answer."""

    reachable: bool = True
    pause: Pause | None = None
    forecast: Forecast | None = None


class ProfileOutcome(IntEnum):
    """What an event says about a profile that was submitted."""

    PENDING = 2
    ENRICHED = 3
    CACHED = 4
    PARTIAL = 5
    FAILED = 6
    WITHDRAWN = 7
    ERASED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileData:
    """What the enrichment service knows about a person; empty means not known."""

    provider_id: str = ""
    member_id: str = ""
    vanity: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    picture_expire_ms: int | None = None
    degree: int = 0
    view_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileEvent:
    """One event of the enrichment service's log that concerns a submitted profile.

    ``final`` is False while the profile waits, be it for another try. ``time_ms`` is when it
    happened; None when a snapshot lists it.
    """

    workspace: str
    enrichment: str
    profile: str
    reference: str
    revision: int
    outcome: ProfileOutcome
    final: bool
    data: ProfileData | None
    time_ms: int | None = None


class LogMessage(NamedTuple):
    """Events, maybe none, and the cursor behind them; ``ends_snapshot``: who matters was listed."""

    cursor: str
    events: list[ProfileEvent]
    ends_snapshot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedProfile:
    """What the enrichment service made of one submission.

    ``reference`` is the prospect under whom it first met the profile: another than the submitted
    one when two prospects are one person to it, empty when it is not one of ours. ``state`` is None
    when it says nothing about the person, ``erased`` is set when the person was erased there.
    """

    profile: str
    reference: str
    state: MemberState | None
    erased: bool = False
