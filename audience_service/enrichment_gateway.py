"""The enrichment service, reached over gRPC."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import grpc
import structlog
from enrichment.v1 import accounts_pb2, enrichments_pb2, events_pb2

from audience_service.enrichment_messages import (
    PROFILE_EVENTS,
    read_event,
    read_outlook,
    read_reference,
)
from audience_service.enrichment_model import LogMessage, Outlook, SubmittedProfile
from audience_service.errors import LogLostError
from audience_service.model import MemberState
from clients.enrichment import EnrichmentClient
from clients.errors import RpcFailed, SnapshotNeeded
from clients.subscription import subscribe
from servicekit.errors import Code, ServiceError, failed_precondition, unavailable

_log = structlog.get_logger("enrichment")

_OUTLOOK_SECONDS: Final = 0.8
_SUBMIT_SECONDS: Final = 30.0

# Kept by another version of this service.
_USELESS_CURSOR: Final = frozenset({"CURSOR_OF_OTHER_FILTER", "CURSOR_MALFORMED"})

_NOT_LET_IN: Final = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)

_STATES: Final = {
    enrichments_pb2.PROFILE_STATE_PENDING: MemberState.PENDING,
    enrichments_pb2.PROFILE_STATE_ENRICHED: MemberState.ENRICHED,
    enrichments_pb2.PROFILE_STATE_CACHED: MemberState.CACHED,
    enrichments_pb2.PROFILE_STATE_PARTIAL: MemberState.PARTIAL,
    enrichments_pb2.PROFILE_STATE_FAILED: MemberState.FAILED,
}


class GrpcEnrichment:
    """``ports.EnrichmentGateway`` on a client, which somebody else closes."""

    def __init__(self, client: EnrichmentClient) -> None:
        self._client = client

    async def check_account(self, workspace: str, account: str) -> None:
        name = f"workspaces/{workspace}/accounts/{account}"
        try:
            await self._client.accounts.GetAccount(accounts_pb2.GetAccountRequest(name=name))
        except RpcFailed as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise failed_precondition(
                    "ACCOUNT_NOT_FOUND",
                    f"There is no account {name}. Connect it in the enrichment service "
                    "(AccountService.ConnectAccount), or set another one.",
                    metadata={"resource_type": "account", "resource_name": name},
                ) from error
            raise _translated(error) from error

    async def create(
        self, workspace: str, *, enrichment: str, account: str, request_id: str
    ) -> bool:
        request = enrichments_pb2.CreateEnrichmentRequest(
            parent=f"workspaces/{workspace}",
            enrichment_id=enrichment,
            enrichment=enrichments_pb2.Enrichment(
                account=f"workspaces/{workspace}/accounts/{account}"
            ),
            request_id=request_id,
        )
        try:
            await self._client.enrichments.CreateEnrichment(request)
        except RpcFailed as error:
            if (
                error.code() is grpc.StatusCode.ALREADY_EXISTS
                or error.reason == "REQUEST_ID_REUSED"
            ):
                return False
            raise _translated(error) from error
        return True

    async def submit(
        self, workspace: str, enrichment: str, submissions: Mapping[str, Sequence[str]]
    ) -> list[SubmittedProfile]:
        request = enrichments_pb2.SubmitProfilesRequest(
            name=_enrichment_name(workspace, enrichment),
            profiles=[
                enrichments_pb2.ProfileSubmission(
                    identifiers=identifiers, reference=f"prospects/{prospect}"
                )
                for prospect, identifiers in submissions.items()
            ],
        )
        try:
            response = await self._client.enrichments.SubmitProfiles(
                request, timeout=_SUBMIT_SECONDS
            )
        except RpcFailed as error:
            raise _translated(error) from error
        return [
            SubmittedProfile(
                profile=each.profile.rpartition("/")[2],
                reference=read_reference(each.reference),
                state=_STATES.get(each.state),
                erased=each.state == enrichments_pb2.PROFILE_STATE_ERASED,
            )
            for each in response.profiles
        ]

    async def withdraw(self, workspace: str, enrichment: str, profiles: Sequence[str]) -> None:
        request = enrichments_pb2.WithdrawProfilesRequest(
            name=_enrichment_name(workspace, enrichment),
            profiles=[f"workspaces/{workspace}/profiles/{each}" for each in profiles],
        )
        try:
            await self._client.enrichments.WithdrawProfiles(request)
        except RpcFailed as error:
            raise _translated(error) from error

    async def set_paused(self, workspace: str, enrichment: str, *, paused: bool) -> None:
        name = _enrichment_name(workspace, enrichment)
        try:
            if paused:
                await self._client.enrichments.PauseEnrichment(
                    enrichments_pb2.PauseEnrichmentRequest(name=name)
                )
            else:
                await self._client.enrichments.ResumeEnrichment(
                    enrichments_pb2.ResumeEnrichmentRequest(name=name)
                )
        except RpcFailed as error:
            raise _translated(error) from error

    async def cancel(self, workspace: str, enrichment: str) -> None:
        request = enrichments_pb2.CancelEnrichmentRequest(
            name=_enrichment_name(workspace, enrichment)
        )
        try:
            await self._client.enrichments.CancelEnrichment(request)
        except RpcFailed as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise _translated(error) from error

    async def erase(self, workspace: str, identifiers: Sequence[str]) -> None:
        request = enrichments_pb2.EraseProfileRequest(
            parent=f"workspaces/{workspace}", identifiers=identifiers
        )
        try:
            await self._client.enrichments.EraseProfile(request)
        except RpcFailed as error:
            raise _translated(error) from error

    async def outlook(self, workspace: str, enrichment: str) -> Outlook:
        request = enrichments_pb2.GetEnrichmentRequest(name=_enrichment_name(workspace, enrichment))
        try:
            response = await self._client.enrichments.GetEnrichment(
                request, timeout=_OUTLOOK_SECONDS
            )
        except RpcFailed as error:
            return Outlook(reachable=error.code() is grpc.StatusCode.NOT_FOUND)
        return read_outlook(response.enrichment)

    async def events(self, cursor: str) -> AsyncGenerator[LogMessage]:
        # The cursor is bound to the filter: with other types here, kept ones are good for nothing.
        request = events_pb2.SubscribeEventsRequest(
            filter=events_pb2.EventFilter(types=PROFILE_EVENTS),
            view=events_pb2.EVENT_VIEW_FULL,
            start_position=events_pb2.START_POSITION_SNAPSHOT,
        )
        messages = subscribe(self._client.events, request, cursor=cursor or None)
        try:
            async with aclosing(messages):
                async for message in messages:
                    yield LogMessage(
                        cursor=message.cursor,
                        events=[read_event(each) for each in message.batch.events],
                        ends_snapshot=message.HasField("snapshot_end"),
                    )
        except SnapshotNeeded as error:
            raise LogLostError(error.reason) from error
        except RpcFailed as error:
            if error.reason in _USELESS_CURSOR:
                raise LogLostError(error.reason) from error
            raise _translated(error) from error


def _enrichment_name(workspace: str, enrichment: str) -> str:
    return f"workspaces/{workspace}/enrichments/{enrichment}"


def _translated(error: RpcFailed) -> ServiceError:
    if not error.reason or error.code() is grpc.StatusCode.UNAVAILABLE:
        return unavailable(
            "ENRICHMENT_UNAVAILABLE",
            "The enrichment service does not answer. Repeat the call in a moment.",
        )
    if error.code() in _NOT_LET_IN:
        # Not the caller's credentials, but those of this service.
        _log.error("enrichment_service_refuses_this_service", reason=error.reason)
        return unavailable(
            "ENRICHMENT_CREDENTIALS_REFUSED",
            "The enrichment service does not let this service in. Repeat the call when the "
            "operators have renewed AUDIENCE_ENRICHMENT_TOKEN_FILE or its certificate.",
        )
    return ServiceError(
        code=Code[error.code().name],
        reason=error.reason,
        message=error.message,
        metadata=error.metadata,
    )
