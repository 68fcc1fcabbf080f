"""What the service knows about audiences, prospects and members.

Times are milliseconds since the epoch, UTC. The numbers of the enumerations are those of the
contract and of the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

# The fields that a person may edit; and, with the picture, the ones whose provenance is kept.
TEXT_FIELDS: Final = ("first_name", "last_name", "headline", "company", "title", "location")
SEARCHED_FIELDS: Final = ("first_name", "last_name", "company", "headline", "location")
KEPT_FIELDS: Final = (*TEXT_FIELDS, "picture_url")

# (seed: 300 is the minimum audience size of a campaign)
_LEAST_AUDIENCE: Final = 300


class MemberState(IntEnum):
    """Where a member's enrichment stands."""

    NOT_SUBMITTED = 1
    PENDING = 2
    ENRICHED = 3
    CACHED = 4
    PARTIAL = 5
    FAILED = 6


class FieldSource(IntEnum):
    """Where the value of a field comes from, the weakest first."""

    IMPORT = 1
    ENRICHMENT = 2
    MANUAL = 3


class Provenance(NamedTuple):
    """Source and time of one field."""

    source: FieldSource
    time_ms: int


class Hidden(NamedTuple):
    """What a field would hold without the manual edit of it."""

    value: str
    provenance: Provenance


@dataclass(slots=True, kw_only=True)
class Prospect:
    """A person of a workspace. ``merged_into`` names the prospect that took this one's place.

    ``hidden`` has, for fields that were edited by hand, what imports and enrichment say of them.
    """

    workspace: str
    id: str
    primary_alias: str
    member_id: str = ""
    provider_id: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Provenance] = field(default_factory=dict)
    hidden: dict[str, Hidden] = field(default_factory=dict)
    picture_expire_ms: int | None = None
    enrich_ms: int | None = None
    create_ms: int
    update_ms: int
    revision: int = 1
    merged_into: str | None = None
    suppressed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Members of an audience by state; those in no state here are not submitted."""

    members: int = 0
    pending: int = 0
    enriched: int = 0
    cached: int = 0
    partial: int = 0
    failed: int = 0

    @property
    def not_submitted(self) -> int:
        """Members not yet handed to the enrichment service."""
        handed = self.pending + self.enriched + self.cached + self.partial + self.failed
        return self.members - handed


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """A list of people. ``account`` is the id of the account that enriches it, or empty.

    ``last_seq`` is the highest seq that a member ever had, ``submitted_seq`` the one up to which
    members have been submitted. ``pause_applied`` is what the enrichment service was last told.
    A deleted audience (``delete_ms``) can come back until ``purge_ms``. While ``ending`` its
    enrichment is being cancelled, and members up to ``submitted_seq`` are still to be taken back.
    """

    workspace: str
    id: str
    display_name: str = ""
    description: str = ""
    account: str = ""
    counters: Counters = Counters()
    last_seq: int = 0
    submitted_seq: int = 0
    enrichment_id: str = ""
    enrichment_wanted: bool = False
    enrichment_created: bool = False
    enrichment_paused: bool = False
    pause_applied: bool = False
    revision: int = 1
    create_ms: int
    update_ms: int
    delete_ms: int | None = None
    purge_ms: int | None = None
    ending: bool = False
    building: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


class SetOperation(IntEnum):
    """How audiences are combined."""

    UNION = 1
    INTERSECTION = 2
    DIFFERENCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """An audience that is put together of others, and how far that has come.

    Members of ``sources[position]`` up to the seq ``after`` have been looked at.
    """

    workspace: str
    audience: str
    operation: SetOperation
    sources: Sequence[str]
    position: int = 0
    after: int = 0


@dataclass(slots=True, kw_only=True)
class Membership:
    """A prospect in an audience. ``degree`` is as in the contract, seen by the audience's account.

    ``profile`` is the enrichment service's id of the person, known after submission;
    ``event_revision`` the newest event that has been applied. ``change_seq`` numbers the last
    change of a member who had joined among the seqs; 0 without one.
    """

    audience: str
    prospect: str
    seq: int
    state: MemberState = MemberState.NOT_SUBMITTED
    degree: int = 0
    join_ms: int
    profile: str = ""
    event_revision: int = 0
    change_seq: int = 0


class DepartureReason(IntEnum):
    """Why a membership ended; EXCLUDED, which is never kept: why it does not count."""

    REMOVED = 1
    MERGED = 2
    SUPPRESSED = 3
    ERASED = 4
    EXCLUDED = 5


class Departure(NamedTuple):
    """A membership that ended. ``seq`` is known once it is kept."""

    audience: str
    prospect: str
    reason: DepartureReason
    merged_into: str = ""
    seq: int = 0


class Member(NamedTuple):
    """A membership with its prospect."""

    membership: Membership
    prospect: Prospect


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceSize:
    """Members that fit targeting criteria, as LinkedIn rounds them."""

    total: int
    active: int

    @property
    def below_minimum(self) -> bool:
        """Fewer than 300, or a value that LinkedIn does not know (domain: total is 0 then)."""
        return self.total == 0

    @property
    def meets_minimum(self) -> bool:
        """Enough for a campaign (seed: 300 is the minimum audience size)."""
        return self.total >= _LEAST_AUDIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingErasure:
    """An erased person of whom the enrichment service has not been told yet.

    ``identifiers`` is what the person can be viewed by; it goes when it has been told.
    """

    workspace: str
    id: str
    identifiers: Sequence[str]
