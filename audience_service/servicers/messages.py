"""AudienceService: message templates."""

from audience.v1 import audiences_pb2, audiences_pb2_grpc

from audience_service import convert
from audience_service.messages import Messages
from audience_service.servicers.imports import Context
from servicekit.pages import decode_page_token, encode_page_token, page_size


class MessageMethods(audiences_pb2_grpc.AudienceServiceServicer):
    """The methods of AudienceService that fill templates."""

    def __init__(self, *, messages: Messages) -> None:
        self._messages = messages

    async def CheckReadiness(
        self, request: audiences_pb2.CheckReadinessRequest, context: Context
    ) -> audiences_pb2.CheckReadinessResponse:
        workspace, audience = convert.AUDIENCE.parse(request.audience, field="audience")
        tags, ready = await self._messages.readiness(workspace, audience, request.template)
        return audiences_pb2.CheckReadinessResponse(
            tags=[
                audiences_pb2.TagReadiness(
                    tag=each.tag,
                    ready_count=each.ready,
                    missing_count=each.missing,
                    has_fallback=each.has_fallback,
                )
                for each in tags
            ],
            ready_count=ready,
        )

    async def ListUnreadyMembers(
        self, request: audiences_pb2.ListUnreadyMembersRequest, context: Context
    ) -> audiences_pb2.ListUnreadyMembersResponse:
        workspace, audience = convert.AUDIENCE.parse(request.audience, field="audience")
        filters = {
            "list": "unready",
            "audience": request.audience,
            "template": request.template,
        }
        position = decode_page_token(request.page_token, filters=filters, shape={"seq": int})
        members, reached = await self._messages.unready(
            workspace,
            audience,
            request.template,
            after=int(position["seq"]) if position else 0,
            limit=page_size(request.page_size),
        )
        return audiences_pb2.ListUnreadyMembersResponse(
            members=[
                audiences_pb2.UnreadyMember(
                    member=convert.to_proto_member(each.member), missing_tags=each.missing
                )
                for each in members
            ],
            next_page_token=""
            if reached is None
            else encode_page_token({"seq": reached}, filters=filters),
        )

    async def RenderMessages(
        self, request: audiences_pb2.RenderMessagesRequest, context: Context
    ) -> audiences_pb2.RenderMessagesResponse:
        (workspace,) = convert.WORKSPACE.parse(request.parent, field="parent")
        prospects = convert.in_workspace(
            convert.PROSPECT, request.prospects, workspace=workspace, field="prospects"
        )
        audience = None
        if request.audience:
            audience = convert.id_in_workspace(
                convert.AUDIENCE, request.audience, workspace=workspace, field="audience"
            )
        rendered = await self._messages.render(
            workspace, request.template, prospects, audience=audience
        )
        return audiences_pb2.RenderMessagesResponse(
            messages=[
                audiences_pb2.RenderedMessage(
                    prospect=convert.PROSPECT.format(workspace, prospect.id),
                    text="" if rendering.missing else rendering.text,
                    missing_tags=rendering.missing,
                )
                for prospect, rendering in rendered
            ]
        )
