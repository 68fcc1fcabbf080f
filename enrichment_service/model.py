"""What the enrichment service talks about, free of any protocol, store or library."""

from dataclasses import dataclass
from enum import StrEnum, auto


class _Name(StrEnum):
    """Values are the names themselves, as the contract spells them without its prefixes."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:
        return name


class Strategy(_Name):
    """How old and trusted a LinkedIn account is; sets its daily cap and ramp."""

    NEW = auto()
    ESTABLISHED = auto()
    VETERAN = auto()
    RECOVERY = auto()


class Pacing(_Name):
    """How an account spreads its views over a day."""

    BURST = auto()
    SPREAD = auto()


class PauseReason(_Name):
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


class FailureReason(_Name):
    """Why a profile failed for good."""

    NOT_FOUND = auto()
    NOT_ACCESSIBLE = auto()
    ATTEMPTS_EXHAUSTED = auto()
    ERASED = auto()


class ProfileState(_Name):
    """What became of a submitted profile."""

    PENDING = auto()
    ENRICHED = auto()
    CACHED = auto()
    PARTIAL = auto()
    FAILED = auto()
    WITHDRAWN = auto()
    ERASED = auto()


class ConnectionDegree(_Name):
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


class AccountStatus(_Name):
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


class Finding(_Name):
    """What a request for a profile brought back."""

    COMPLETE = auto()
    """The person asked for, with everything."""
    THROTTLED = auto()
    """The person asked for, with sections left out."""
    NAMES_WITHHELD = auto()
    """The person asked for, without a name ("LinkedIn Member")."""
    ANOTHER_MEMBER = auto()
    """Somebody else, or nothing that shows it is the person asked for."""
    NOT_A_PROFILE = auto()
    """A well-formed answer that is no person's profile."""
    ERROR = auto()
    """An error status; status and error type say which."""
    REDIRECT = auto()
    """A redirect, which is not followed."""
    OVERSIZED = auto()
    """A body above the size cap."""
    BROKEN_BODY = auto()
    """A body that is not JSON."""
    TIMEOUT = auto()
    """No whole answer before the deadline."""
    CONNECTION_LOST = auto()
    """The connection broke after the request may have been sent."""
    CONNECTION_REFUSED = auto()
    """No connection came about, so no byte of the request was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewedProfile:
    """What one view showed of a person. An empty text is not known.

    Attributes:
        provider_id: `ACoAA…`, case kept; never empty.
        member_id: numeric member id.
        public_identifier: vanity, percent-decoded and folded (`fold_vanity`).
        public_profile_url: `https://www.linkedin.com/in/…`.
        company: of the current job.
        title: of the current job.
        picture_url: signed, of the largest picture.
        picture_expire_ms: when it stops working, milliseconds since the epoch; None if not told.
        connection_degree: relative to the viewing account: never to be shown to another.
        shared_connections_count: relative to the viewing account; None if not told.
    """

    provider_id: str
    member_id: str = ""
    public_identifier: str = ""
    public_profile_url: str = ""
    first_name: str = ""
    last_name: str = ""
    headline: str = ""
    company: str = ""
    title: str = ""
    location: str = ""
    picture_url: str = ""
    picture_expire_ms: int | None = None
    connection_degree: ConnectionDegree | None = None
    shared_connections_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewResult:
    """The facts of one request for a profile; `policy.outcomes` says what they mean.

    Attributes:
        finding: what came back.
        status: HTTP status, None without an answer.
        error_type: of an error answer, without `errors/`; None if it told none.
        retry_after_ms: the wait asked for by Retry-After; None if absent, past or unreadable.
        profile: with COMPLETE, THROTTLED and NAMES_WITHHELD only.
    """

    finding: Finding
    status: int | None = None
    error_type: str | None = None
    retry_after_ms: int | None = None
    profile: ViewedProfile | None = None


class OutcomeKind(_Name):
    """What is to be done after a view."""

    ENRICHED = auto()
    """Done."""
    PARTIAL = auto()
    """Keep what came, try later, give up after three."""
    DISCARDED = auto()
    """Throw away what came, then as RETRY."""
    PROFILE_FAILED = auto()
    """This profile failed for good."""
    PAUSE = auto()
    """The account pauses; the profile stays queued and loses no attempt."""
    RETRY = auto()
    """Try later with backoff; after five attempts failed for good."""
    STOP_ALL = auto()
    """Our own API key is refused: alert the operator, fetch for nobody, blame no account."""


class PauseEnd(_Name):
    """When a pause ends."""

    PERSON = auto()
    """When a person reconnects the account."""
    NEXT_DAY = auto()
    """By itself after 00:00 UTC."""
    RETRY_AFTER = auto()
    """By itself when the wait that the provider asked for is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a view means for profile, budget, breaker and account.

    Attributes:
        kind: what is to be done.
        charged: whether the view counts against the day.
        counts_for_breaker: whether it is one of the ten errors that open the breaker.
        failure_reason: with PROFILE_FAILED only.
        pause_reason: with PAUSE only.
        pause_end: with PAUSE only.
        listed: False for an error that nobody has described: log its status and type.
    """

    kind: OutcomeKind
    charged: bool
    counts_for_breaker: bool
    failure_reason: FailureReason | None = None
    pause_reason: PauseReason | None = None
    pause_end: PauseEnd | None = None
    listed: bool = True


class ViewPurpose(_Name):
    """What a view is for."""

    ENRICHMENT = auto()
    CAMPAIGN_STEP = auto()
    MANUAL = auto()


class EnrichmentState(_Name):
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
