"""What a view brought back, and what that means; free of any protocol, store or library."""

from dataclasses import dataclass
from enum import auto

from enrichment_service.model import ConnectionDegree, FailureReason, Name, PauseReason


class Finding(Name):
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


class OutcomeKind(Name):
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


class PauseEnd(Name):
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
