"""An enrichment service that does what a test tells it: records calls, and plays events.

Stands in for the real one where a test needs an order of events that the real one would choose by
itself; the end-to-end tests run against the real one.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from enrichment.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    enrichments_pb2,
    enrichments_pb2_grpc,
    events_pb2,
    events_pb2_grpc,
    profiles_pb2,
)

from enrichment_service.access import ACCESS
from servicekit.errors import already_exists, invalid_argument, not_found, out_of_range, unavailable
from servicekit.server import RunningServer, start_server
from servicekit.services import Service
from servicekit.settings import ServerSettings
from tests.support.partial_servicers import allow_missing

Context = grpc.aio.ServicerContext[Any, Any]


class EnrichmentStub:
    """One workspace's worth of the enrichment service, in memory."""

    def __init__(self) -> None:
        self.accounts = {"workspaces/acme/accounts/veteran"}
        self.enrichments: dict[str, enrichments_pb2.Enrichment] = {}
        self.submitted: dict[str, dict[str, list[str]]] = {}
        self.profiles: dict[str, str] = {}
        self.firsts: dict[tuple[str, str], str] = {}
        self.withdrawn: list[str] = []
        self.cancelled: list[str] = []
        self.erased: list[str] = []
        self.erased_there: set[str] = set()
        """Identifiers of people who were erased without the audience service."""
        self.erasing_fails = False
        """Refuses EraseProfile."""
        self.log: list[events_pb2.Event] = []
        self.lost = ""
        """Reason for which the next cursor is refused."""
        self.listed = 0
        """States that snapshots have listed."""
        self.break_behind = 0
        """Breaks the next snapshot off behind so many states."""
        self.broken = False
        """Ends the open subscription once."""
        self.news = asyncio.Event()
        self._server: RunningServer | None = None

    def emit(
        self,
        *,
        enrichment: str,
        prospect: str,
        kind: events_pb2.EventType.ValueType = events_pb2.EVENT_TYPE_PROFILE_ENRICHED,
        data: profiles_pb2.Profile | None = None,
        revision: int = 1,
        final: bool = False,
        profile: str = "",
        silent: bool = False,
    ) -> None:
        """Append one event about a prospect's profile to the log; `silent` wakes no subscriber."""
        workspace = "/".join(enrichment.split("/")[:2])
        event = events_pb2.Event(
            event_id=str(len(self.log)),
            type=kind,
            enrichment=enrichment,
            profile=profile or f"{workspace}/profiles/p0000{prospect[-8:]}",
            reference=f"prospects/{prospect}",
            revision=revision,
            final=final,
        )
        if data is not None:
            event.profile_data.CopyFrom(data)
        self.log.append(event)
        if not silent:
            self.wake()

    def states(self) -> list[events_pb2.Event]:
        """What a snapshot lists."""
        last = {(event.enrichment, event.profile): event for event in self.log}
        for (enrichment, profile), reference in self.firsts.items():
            waiting = events_pb2.Event(
                type=events_pb2.EVENT_TYPE_PROFILE_PENDING,
                enrichment=enrichment,
                profile=profile,
                reference=reference,
            )
            last.setdefault((enrichment, profile), waiting)
        return list(last.values())

    def lose_everything(self) -> None:
        """Its store is gone, and its subscriptions break."""
        for records in (self.enrichments, self.submitted, self.firsts, self.log):
            records.clear()
        self.lose_cursors("LOG_EPOCH_CHANGED")

    def lose_cursors(self, reason: str) -> None:
        """The log cannot be read on from any cursor, and the subscriptions break."""
        self.lost = reason
        self.broken = True
        self.wake()

    def wake(self) -> None:
        """Let subscribers look again."""
        self.news.set()
        self.news = asyncio.Event()

    async def start(self) -> str:
        """Serve on a free port; returns the address."""
        self._server = await start_server(
            services=[
                Service(
                    accounts_pb2_grpc.add_AccountServiceServicer_to_server,
                    allow_missing(_Accounts)(self),
                ),
                Service(
                    enrichments_pb2_grpc.add_EnrichmentServiceServicer_to_server,
                    allow_missing(_Enrichments)(self),
                ),
                Service(
                    events_pb2_grpc.add_EventServiceServicer_to_server,
                    allow_missing(_Events)(self),
                ),
            ],
            access=ACCESS,
            settings=ServerSettings(drain_grace_seconds=0.1),
        )
        return self._server.address

    async def stop(self) -> None:
        """End the server, if it has not ended yet."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop()


class _Accounts(accounts_pb2_grpc.AccountServiceServicer):
    def __init__(self, stub: EnrichmentStub) -> None:
        self._stub = stub

    async def GetAccount(
        self, request: accounts_pb2.GetAccountRequest, context: Context
    ) -> accounts_pb2.GetAccountResponse:
        if request.name not in self._stub.accounts:
            raise not_found("account", request.name)
        return accounts_pb2.GetAccountResponse(account=accounts_pb2.Account(name=request.name))


class _Enrichments(enrichments_pb2_grpc.EnrichmentServiceServicer):
    def __init__(self, stub: EnrichmentStub) -> None:
        self._stub = stub

    async def CreateEnrichment(
        self, request: enrichments_pb2.CreateEnrichmentRequest, context: Context
    ) -> enrichments_pb2.CreateEnrichmentResponse:
        name = f"{request.parent}/enrichments/{request.enrichment_id}"
        if name in self._stub.enrichments:
            raise already_exists("enrichment", name)
        enrichment = enrichments_pb2.Enrichment(name=name, account=request.enrichment.account)
        self._stub.enrichments[name] = enrichment
        self._stub.submitted[name] = {}
        return enrichments_pb2.CreateEnrichmentResponse(enrichment=enrichment)

    async def GetEnrichment(
        self, request: enrichments_pb2.GetEnrichmentRequest, context: Context
    ) -> enrichments_pb2.GetEnrichmentResponse:
        return enrichments_pb2.GetEnrichmentResponse(
            enrichment=self._stub.enrichments[request.name]
        )

    async def SubmitProfiles(
        self, request: enrichments_pb2.SubmitProfilesRequest, context: Context
    ) -> enrichments_pb2.SubmitProfilesResponse:
        if request.name not in self._stub.submitted:
            raise not_found("enrichment", request.name)
        response = enrichments_pb2.SubmitProfilesResponse()
        for each in request.profiles:
            prospect = each.reference.removeprefix("prospects/")
            self._stub.submitted[request.name][prospect] = list(each.identifiers)
            known = [name for name in each.identifiers if name in self._stub.profiles]
            profile = (
                self._stub.profiles[known[0]]
                if known
                else f"{'/'.join(request.name.split('/')[:2])}/profiles/p0000{prospect[-8:]}"
            )
            for name in each.identifiers:
                self._stub.profiles[name] = profile
            first = self._stub.firsts.setdefault((request.name, profile), each.reference)
            response.profiles.add(
                profile=profile,
                reference=first,
                state=enrichments_pb2.PROFILE_STATE_PENDING
                if self._stub.erased_there.isdisjoint(each.identifiers)
                else enrichments_pb2.PROFILE_STATE_ERASED,
            )
        return response

    async def WithdrawProfiles(
        self, request: enrichments_pb2.WithdrawProfilesRequest, context: Context
    ) -> enrichments_pb2.WithdrawProfilesResponse:
        self._stub.withdrawn += request.profiles
        return enrichments_pb2.WithdrawProfilesResponse(withdrawn_count=len(request.profiles))

    async def PauseEnrichment(
        self, request: enrichments_pb2.PauseEnrichmentRequest, context: Context
    ) -> enrichments_pb2.PauseEnrichmentResponse:
        enrichment = self._stub.enrichments[request.name]
        enrichment.pause.waits_for_person = True
        return enrichments_pb2.PauseEnrichmentResponse(enrichment=enrichment)

    async def ResumeEnrichment(
        self, request: enrichments_pb2.ResumeEnrichmentRequest, context: Context
    ) -> enrichments_pb2.ResumeEnrichmentResponse:
        enrichment = self._stub.enrichments[request.name]
        enrichment.ClearField("pause")
        return enrichments_pb2.ResumeEnrichmentResponse(enrichment=enrichment)

    async def EraseProfile(
        self, request: enrichments_pb2.EraseProfileRequest, context: Context
    ) -> enrichments_pb2.EraseProfileResponse:
        if self._stub.erasing_fails:
            raise unavailable("STORE_NOT_REACHED", "Come back.")
        self._stub.erased += request.identifiers
        return enrichments_pb2.EraseProfileResponse()

    async def CancelEnrichment(
        self, request: enrichments_pb2.CancelEnrichmentRequest, context: Context
    ) -> enrichments_pb2.CancelEnrichmentResponse:
        self._stub.cancelled.append(request.name)
        return enrichments_pb2.CancelEnrichmentResponse()


class _Events(events_pb2_grpc.EventServiceServicer):
    def __init__(self, stub: EnrichmentStub) -> None:
        self._stub = stub

    async def SubscribeEvents(
        self, request: events_pb2.SubscribeEventsRequest, context: Context
    ) -> AsyncIterator[events_pb2.SubscribeEventsResponse]:
        reason = self._stub.lost
        if reason and request.after_cursor:
            self._stub.lost = ""
            if reason == "CURSOR_OF_OTHER_FILTER":
                raise invalid_argument("after_cursor", "is of another filter", reason=reason)
            raise out_of_range(reason, "Take a snapshot.")
        inside, _, cursor = request.after_cursor.rpartition("s")
        position = int(cursor or len(self._stub.log))
        if inside or not cursor:
            # A state that comes again does no harm.
            for number, state in enumerate(self._stub.states(), start=1):
                yield events_pb2.SubscribeEventsResponse(
                    cursor=f"{number}s{position}", batch=events_pb2.EventBatch(events=[state])
                )
                self._stub.listed += 1
                if number == self._stub.break_behind:
                    self._stub.break_behind = 0
                    raise unavailable("DRAINING", "Come back.")
            yield events_pb2.SubscribeEventsResponse(
                cursor=str(position), snapshot_end=events_pb2.SnapshotEnd()
            )
        while True:
            if self._stub.broken:
                self._stub.broken = False
                raise unavailable("DRAINING", "Come back.")
            news = self._stub.news
            batch = self._stub.log[position:]
            position += len(batch)
            if batch:
                yield events_pb2.SubscribeEventsResponse(
                    cursor=str(position), batch=events_pb2.EventBatch(events=batch)
                )
            else:
                yield events_pb2.SubscribeEventsResponse(
                    cursor=str(position), checkpoint=events_pb2.Checkpoint()
                )
                await news.wait()
