"""What the enrichment service talks about, free of any protocol, store or library."""

from dataclasses import dataclass
from enum import StrEnum, auto


class Name(StrEnum):
    """Values are the names themselves, as the contract spells them without its prefixes."""

    # Enum's own hash is made in Python, whenever one of these is a key.
    __hash__ = str.__hash__

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:
        return name


class Strategy(Name):
    """How old and trusted a LinkedIn account is; sets its daily cap and ramp."""

    NEW = auto()
    ESTABLISHED = auto()
    VETERAN = auto()
    RECOVERY = auto()


class Pacing(Name):
    """How an account spreads its views over a day."""

    BURST = auto()
    SPREAD = auto()


class PauseReason(Name):
    """Why an account or an enrichment makes no views."""

    ACCOUNT_DISCONNECTED = auto()
    ACCOUNT_RESTRICTED = auto()
    CHECKPOINT = auto()
    PROVIDER_LIMIT = auto()
    CIRCUIT_OPEN = auto()
    DAILY_CAP_REACHED = auto()
    OUTSIDE_WORKING_HOURS = auto()
    PAUSED_BY_CALLER = auto()
    CONFIGURATION = auto()


class FailureReason(Name):
    """Why a profile failed for good."""

    NOT_FOUND = auto()
    NOT_ACCESSIBLE = auto()
    ATTEMPTS_EXHAUSTED = auto()
    ERASED = auto()


class ProfileState(Name):
    """What became of a submitted profile."""

    PENDING = auto()
    ENRICHED = auto()
    CACHED = auto()
    PARTIAL = auto()
    FAILED = auto()
    WITHDRAWN = auto()
    ERASED = auto()


class ConnectionDegree(Name):
    """How far the viewing account is from a person."""

    FIRST = auto()
    SECOND = auto()
    THIRD = auto()
    OUT_OF_NETWORK = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """When an account with SPREAD pacing may view profiles.

    Attributes:
        time_zone: IANA name.
        start_minute: minutes after local midnight at which work begins, 0 to 1439.
        end_minute: minutes after local midnight at which it ends, above start_minute, to 1440.
        weekdays: local days of work, 1 is Monday; empty means every day.
    """

    time_zone: str
    start_minute: int
    end_minute: int
    weekdays: frozenset[int] = frozenset()


class AccountStatus(Name):
    """What the provider says about the connection of an account."""

    OK = auto()
    STOPPED = auto()
    ERROR = auto()
    CREDENTIALS = auto()
    """It needs to be logged in again."""
    PERMISSIONS = auto()
    CONNECTING = auto()
    """It is about to be something else."""
    DELETED = auto()
    CREATION_SUCCESS = auto()
    RECONNECTED = auto()
    """Somebody has logged in again."""
    SYNC_SUCCESS = auto()


class ViewPurpose(Name):
    """What a view is for."""

    ENRICHMENT = auto()
    CAMPAIGN_STEP = auto()
    MANUAL = auto()


class EnrichmentState(Name):
    """Where an enrichment stands."""

    ACTIVE = auto()
    IDLE = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why nothing is viewed. Times in milliseconds; without an end it waits for a person."""

    reason: PauseReason
    since_ms: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A connected account.

    Attributes:
        id: `<workspace>/<account>`.
        ramp_start_day: first day of week 1, in days since 1970-01-01 UTC.
        daily_cap: views allowed today.
        campaign_share: views of each day's cap that enrichment leaves for campaign steps.
        counted_errors: errors of today that count towards the breaker.
        revision: grows with every change of the settings.
    """

    id: str
    provider_account_id: str
    display_name: str
    strategy: Strategy
    ramp_start_day: int
    ramp_week: int
    daily_cap: int
    campaign_share: int
    pacing: Pacing
    working_hours: WorkingHours | None
    pause: Pause | None
    counted_errors: int
    created_ms: int
    updated_ms: int
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewBudget:
    """An account's views of one UTC day.

    Attributes:
        account: `<workspace>/<account>`.
        day: days since 1970-01-01 UTC.
        reserved: set aside and not settled, on this day or before.
        available: max(0, limit - committed - reserved); 0 when the day's records were lost.
        by_purpose: (committed, reserved) of today.
    """

    account: str
    day: int
    limit: int
    committed: int
    reserved: int
    available: int
    available_for_enrichment: int
    ramp_week: int
    day_lost: bool
    by_purpose: dict[ViewPurpose, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Views granted, and the budget afterwards. Times in milliseconds since the epoch.

    Attributes:
        reservation: its id; empty when nothing was set aside.
        use_before_ms: start no view after this.
        expires_ms: when the reservation is charged, in real time.
    """

    count: int
    reservation: str
    use_before_ms: int
    expires_ms: int
    budget: ViewBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counts of an enrichment's profiles; withdrawn and erased ones are not in the total."""

    total: int
    pending: int
    enriched: int
    cached: int
    partial: int
    failed: int
    withdrawn: int
    erased: int
