"""What the use cases need from outside. The docstrings are the contract of every adapter."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from audience_service.audience_records import AudienceRecords
from audience_service.change_records import ChangeRecords
from audience_service.enrichment_model import LogMessage, Outlook, SubmittedProfile
from audience_service.log_records import LogPosition, SnapshotRecords
from audience_service.member_records import MemberRecords
from audience_service.model import AudienceSize
from audience_service.prospect_records import ProspectRecords, SuppressionRecords
from audience_service.work_records import BuildRecords, ErasureRecords, ImportRecords

ResultT = TypeVar("ResultT")


class Transaction(Protocol):
    """One transaction of the store."""

    @property
    def audiences(self) -> AudienceRecords: ...

    @property
    def builds(self) -> BuildRecords: ...

    @property
    def prospects(self) -> ProspectRecords: ...

    @property
    def suppressions(self) -> SuppressionRecords: ...

    @property
    def changes(self) -> ChangeRecords: ...

    @property
    def members(self) -> MemberRecords: ...

    @property
    def imports(self) -> ImportRecords: ...

    @property
    def erasures(self) -> ErasureRecords: ...

    @property
    def log_position(self) -> LogPosition: ...

    @property
    def snapshots(self) -> SnapshotRecords: ...


class Store(Protocol):
    """Where everything is kept."""

    async def read(self, work: Callable[[Transaction], Awaitable[ResultT]]) -> ResultT:
        """Run ``work`` on one state of the store. It MUST NOT write."""
        ...

    async def write(
        self, workspaces: Sequence[str], work: Callable[[Transaction], Awaitable[ResultT]]
    ) -> ResultT:
        """Run ``work`` as the only writer of these workspaces.

        MUST commit everything or nothing, and MUST NOT be cut short by a cancelled caller.
        """
        ...


class EnrichmentGateway(Protocol):
    """The enrichment service. Unanswered calls raise ServiceError UNAVAILABLE."""

    async def check_account(self, workspace: str, account: str) -> None:
        """FAILED_PRECONDITION, ACCOUNT_NOT_FOUND, when there is no such account."""
        ...

    async def create(
        self, workspace: str, *, enrichment: str, account: str, request_id: str
    ) -> bool:
        """Create an enrichment; False when the id is taken. Repeatable with the same request id."""
        ...

    async def submit(
        self, workspace: str, enrichment: str, submissions: Mapping[str, Sequence[str]]
    ) -> list[SubmittedProfile]:
        """Submit up to 500 profiles: identifiers (the best first) by reference, in that order."""
        ...

    async def withdraw(self, workspace: str, enrichment: str, profiles: Sequence[str]) -> None:
        """Take out up to 500 profiles; those that are not there are no error."""
        ...

    async def set_paused(self, workspace: str, enrichment: str, *, paused: bool) -> None:
        """Pause or resume; repeating it is no error."""
        ...

    async def cancel(self, workspace: str, enrichment: str) -> None:
        """End an enrichment for good; repeating it, or one that is not there, is no error."""
        ...

    async def erase(self, workspace: str, identifiers: Sequence[str]) -> None:
        """Erase whoever has any of up to 16 identifiers; repeating it is no error."""
        ...

    async def outlook(self, workspace: str, enrichment: str) -> Outlook:
        """Pause and forecast. MUST answer within a second, unreachable if need be."""
        ...

    def events(self, cursor: str) -> AsyncGenerator[LogMessage]:
        """Follow the log after ``cursor`` (from a snapshot when empty), without end.

        Raises LogLostError when only a new snapshot helps.
        """
        ...


class LinkedInAds(Protocol):
    """LinkedIn's Marketing API."""

    async def count(self, query: str, *, token: str) -> AudienceSize:
        """Ask for the members that fit an encoded query, on behalf of the token's owner.

        Raises ServiceError for every refusal. The token MUST NOT be kept or logged.
        """
        ...
