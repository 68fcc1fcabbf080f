"""AudienceService: audiences and their members."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace

from audience.v1 import audiences_pb2

from audience_service import convert, convert_changes
from audience_service.audience_filters import TIMES
from audience_service.audience_query import Place
from audience_service.audiences import Audiences, place
from audience_service.combining import Combining, Recipe
from audience_service.deletion import Deletion
from audience_service.enrolment import Enrolled, Enrolment, Position
from audience_service.imports import Imports
from audience_service.members import Members
from audience_service.messages import Messages
from audience_service.model import SetOperation
from audience_service.servicers.import_patience import Patience
from audience_service.servicers.imports import Context, ImportMethods
from audience_service.servicers.messages import MessageMethods
from servicekit.pages import Position as PageFilters
from servicekit.pages import decode_page_token, encode_page_token, page_size


class AudienceServicer(ImportMethods, MessageMethods):
    """Audiences over gRPC."""

    def __init__(
        self,
        *,
        audiences: Audiences,
        members: Members,
        imports: Imports,
        patience: Patience,
        combining: Combining,
        deletion: Deletion,
        enrolment: Enrolment,
        messages: Messages,
    ) -> None:
        ImportMethods.__init__(self, imports=imports, patience=patience)
        MessageMethods.__init__(self, messages=messages)
        self._audiences = audiences
        self._members = members
        self._combining = combining
        self._deletion = deletion
        self._enrolment = enrolment

    async def CreateAudience(
        self, request: audiences_pb2.CreateAudienceRequest, context: Context
    ) -> audiences_pb2.CreateAudienceResponse:
        audience = await self._audiences.create(convert.from_proto_new_audience(request))
        return audiences_pb2.CreateAudienceResponse(audience=convert.to_proto_audience(audience))

    async def CombineAudiences(
        self, request: audiences_pb2.CombineAudiencesRequest, context: Context
    ) -> audiences_pb2.CombineAudiencesResponse:
        new = convert.from_proto_new_audience(request)
        recipe = Recipe(
            operation=SetOperation(request.operation),
            sources=convert.in_workspace(
                convert.AUDIENCE, request.sources, workspace=new.workspace, field="sources"
            ),
        )
        new = replace(new, recipe=[recipe.operation.name, *recipe.sources])
        audience = await self._combining.combine(new, recipe)
        return audiences_pb2.CombineAudiencesResponse(audience=convert.to_proto_audience(audience))

    async def GetAudience(
        self, request: audiences_pb2.GetAudienceRequest, context: Context
    ) -> audiences_pb2.GetAudienceResponse:
        audience, outlook = await self._audiences.get(*convert.AUDIENCE.parse(request.name))
        return audiences_pb2.GetAudienceResponse(
            audience=convert.to_proto_audience(audience, outlook)
        )

    async def ListAudiences(
        self, request: audiences_pb2.ListAudiencesRequest, context: Context
    ) -> audiences_pb2.ListAudiencesResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        query = convert.from_proto_audience_query(request, workspace=workspace)
        filters: PageFilters = {
            "list": "audiences",
            "parent": request.parent,
            "filter": request.filter,
            "order_by": request.order_by,
            "show_deleted": request.show_deleted,
        }
        position = decode_page_token(
            request.page_token,
            filters=filters,
            shape={"value": int if query.order in TIMES else str, "after": str},
        )
        size = page_size(request.page_size)
        page = await self._audiences.page(
            workspace,
            query,
            after=Place(position["value"], str(position["after"])) if position else None,
            limit=size + 1,
        )
        response = audiences_pb2.ListAudiencesResponse(
            audiences=[convert.to_proto_audience(each) for each in page[:size]]
        )
        if len(page) > size:
            value, last = place(page[size - 1], query)
            response.next_page_token = encode_page_token(
                {"value": value, "after": last}, filters=filters
            )
        return response

    async def UpdateAudience(
        self, request: audiences_pb2.UpdateAudienceRequest, context: Context
    ) -> audiences_pb2.UpdateAudienceResponse:
        workspace, audience = convert.AUDIENCE.parse(request.audience.name, field="audience.name")
        changes = convert_changes.from_proto_audience_changes(request, workspace=workspace)
        changed = await self._audiences.update(
            workspace, audience, changes, etag=request.audience.etag
        )
        return audiences_pb2.UpdateAudienceResponse(audience=convert.to_proto_audience(changed))

    async def DeleteAudience(
        self, request: audiences_pb2.DeleteAudienceRequest, context: Context
    ) -> audiences_pb2.DeleteAudienceResponse:
        workspace, audience = convert.AUDIENCE.parse(request.name)
        deleted = await self._deletion.delete(workspace, audience, etag=request.etag)
        return audiences_pb2.DeleteAudienceResponse(audience=convert.to_proto_audience(deleted))

    async def UndeleteAudience(
        self, request: audiences_pb2.UndeleteAudienceRequest, context: Context
    ) -> audiences_pb2.UndeleteAudienceResponse:
        workspace, audience = convert.AUDIENCE.parse(request.name)
        back = await self._deletion.undelete(workspace, audience, etag=request.etag)
        return audiences_pb2.UndeleteAudienceResponse(audience=convert.to_proto_audience(back))

    async def StartEnrichment(
        self, request: audiences_pb2.StartEnrichmentRequest, context: Context
    ) -> audiences_pb2.StartEnrichmentResponse:
        audience = await self._audiences.start_enrichment(*convert.AUDIENCE.parse(request.name))
        return audiences_pb2.StartEnrichmentResponse(audience=convert.to_proto_audience(audience))

    async def PauseEnrichment(
        self, request: audiences_pb2.PauseEnrichmentRequest, context: Context
    ) -> audiences_pb2.PauseEnrichmentResponse:
        workspace, audience_id = convert.AUDIENCE.parse(request.name)
        audience = await self._audiences.set_paused(workspace, audience_id, paused=True)
        return audiences_pb2.PauseEnrichmentResponse(audience=convert.to_proto_audience(audience))

    async def ResumeEnrichment(
        self, request: audiences_pb2.ResumeEnrichmentRequest, context: Context
    ) -> audiences_pb2.ResumeEnrichmentResponse:
        workspace, audience_id = convert.AUDIENCE.parse(request.name)
        audience = await self._audiences.set_paused(workspace, audience_id, paused=False)
        return audiences_pb2.ResumeEnrichmentResponse(audience=convert.to_proto_audience(audience))

    async def AddProspects(
        self, request: audiences_pb2.AddProspectsRequest, context: Context
    ) -> audiences_pb2.AddProspectsResponse:
        workspace, audience = convert.AUDIENCE.parse(request.audience, field="audience")
        added = await self._members.add(
            workspace,
            audience,
            urls=request.profile_urls,
            prospects=convert.in_workspace(
                convert.PROSPECT, request.prospects, workspace=workspace, field="prospects"
            ),
        )
        return audiences_pb2.AddProspectsResponse(
            added_count=added.added,
            already_there_count=added.already_there,
            prospects=[convert.PROSPECT.format(workspace, each) for each in added.prospects],
        )

    async def RemoveProspects(
        self, request: audiences_pb2.RemoveProspectsRequest, context: Context
    ) -> audiences_pb2.RemoveProspectsResponse:
        workspace, audience = convert.AUDIENCE.parse(request.audience, field="audience")
        prospects = convert.in_workspace(
            convert.PROSPECT, request.prospects, workspace=workspace, field="prospects"
        )
        removed = await self._members.remove(workspace, audience, prospects)
        return audiences_pb2.RemoveProspectsResponse(removed_count=removed)

    async def ListAudienceProspects(
        self, request: audiences_pb2.ListAudienceProspectsRequest, context: Context
    ) -> audiences_pb2.ListAudienceProspectsResponse:
        workspace, audience = convert.AUDIENCE.parse(request.audience, field="audience")
        filters = {"list": "members", "audience": request.audience}
        position = decode_page_token(request.page_token, filters=filters, shape={"seq": int})
        size = page_size(request.page_size)
        page = await self._members.page(
            workspace, audience, after=int(position["seq"]) if position else 0, limit=size + 1
        )
        response = audiences_pb2.ListAudienceProspectsResponse(
            members=[convert.to_proto_member(each) for each in page[:size]]
        )
        if len(page) > size:
            response.next_page_token = encode_page_token(
                {"seq": page[size - 1].membership.seq}, filters=filters
            )
        return response

    async def StreamProspects(
        self, request: audiences_pb2.StreamProspectsRequest, context: Context
    ) -> AsyncIterator[audiences_pb2.StreamProspectsResponse]:
        workspace, _ = convert.AUDIENCE.parse(request.audiences[0], field="audiences[0]")
        audiences, excluded = (
            convert.in_workspace(convert.AUDIENCE, names, workspace=workspace, field=field)
            for names, field in (
                (request.audiences, "audiences"),
                (request.excluded_audiences, "excluded_audiences"),
            )
        )
        filters = {
            "stream": ",".join(sorted(set(request.audiences))),
            "excluded": ",".join(sorted(set(request.excluded_audiences))),
        }
        cursor = decode_page_token(
            request.after_cursor,
            filters=filters,
            shape={"seq": int, "change": int},
            field="after_cursor",
        )
        pages = self._enrolment.stream(
            Enrolled(workspace=workspace, audiences=audiences, excluded=excluded),
            after=_position(cursor),
            follow=request.follow,
        )
        async with aclosing(pages):
            async for page in pages:
                yield audiences_pb2.StreamProspectsResponse(
                    members=[convert.to_proto_member(each) for each in page.members],
                    departures=[
                        convert.to_proto_departure(each, workspace=workspace)
                        for each in page.departures
                    ],
                    cursor=encode_page_token(page.position._asdict(), filters=filters),
                )


def _position(cursor: Mapping[str, str | int] | None) -> Position:
    if cursor is None:
        return Position()
    return Position(seq=int(cursor["seq"]), change=int(cursor["change"]))
