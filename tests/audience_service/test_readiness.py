"""Who lacks what a template needs, and what an audience's account adds to what is known."""

import random

import pytest
from audience.v1 import audiences_pb2
from enrichment.v1 import profiles_pb2

from audience_service import messages
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from tests.audience_service.calls import PARENT, add, create, get, import_bytes, members
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub
from tests.audience_service.submitted import ADA, ENRICHMENT, submitted

TEMPLATE = "Hi {{firstName}} of {{company}}, {{title|you}} at {{location}} {{firstName|there}}"
PEOPLE = 40


def file_of(draw: random.Random) -> bytes:
    """People who lack some of their fields."""
    lines = ["url,first name,company,title,location"]
    for number in range(PEOPLE):
        fields = [draw.choice(("", "x")) for _ in range(4)]
        lines.append(f"https://www.linkedin.com/in/person-{number}," + ",".join(fields))
    return "\n".join(lines).encode()


async def unready(
    client: AudienceClient, audience: str, template: str, *, page_size: int
) -> list[audiences_pb2.UnreadyMember]:
    found: list[audiences_pb2.UnreadyMember] = []
    token = ""
    while True:
        page = await client.audiences.ListUnreadyMembers(
            audiences_pb2.ListUnreadyMembersRequest(
                audience=audience, template=template, page_size=page_size, page_token=token
            )
        )
        assert len(page.members) <= page_size
        found += page.members
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.parametrize("page_size", [1, 7, 1000])
@pytest.mark.parametrize("look_at", [3, 10_000])
async def test_who_lacks_what_is_everybody_who_cannot_be_written_to(
    client: AudienceClient, monkeypatch: pytest.MonkeyPatch, *, look_at: int, page_size: int
) -> None:
    monkeypatch.setattr(messages, "_LOOK_AT", look_at)
    audience = await create(client)
    await import_bytes(client, file_of(random.Random(page_size)), audience=audience)
    everybody = await members(client, audience)
    rendered = await client.audiences.RenderMessages(
        audiences_pb2.RenderMessagesRequest(
            parent=PARENT,
            template=TEMPLATE,
            prospects=[each.prospect.name for each in everybody],
            audience=audience,
        )
    )
    wanted = [
        (member, list(message.missing_tags))
        for member, message in zip(everybody, rendered.messages, strict=True)
        if message.missing_tags
    ]
    found = await unready(client, audience, TEMPLATE, page_size=page_size)
    assert [(each.member, list(each.missing_tags)) for each in found] == wanted
    ready = await client.audiences.CheckReadiness(
        audiences_pb2.CheckReadinessRequest(audience=audience, template=TEMPLATE)
    )
    assert ready.ready_count == PEOPLE - len(found)
    assert 0 < ready.ready_count < PEOPLE


async def test_nobody_lacks_what_has_a_fallback(client: AudienceClient) -> None:
    audience = await create(client)
    await add(client, audience, "linkedin.com/in/bob")
    assert not await unready(client, audience, "Hi {{firstName|there}}", page_size=10)
    assert not await unready(client, audience, "Hi there", page_size=10)
    [bob] = await unready(client, audience, "Hi {{firstName}}", page_size=10)
    assert bob.missing_tags == ["firstName"]


async def test_a_degree_is_that_of_the_audience_in_which_somebody_is_written_to(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    [ada, bob] = await submitted(
        client, enrichment, until, "linkedin.com/in/ada-lovelace", "linkedin.com/in/bob"
    )
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=ADA)
    audience = f"{PARENT}/audiences/leads"

    async def linked() -> bool:
        return (await get(client, audience)).progress.enriched == 1

    await until(linked)
    assert ADA.connection_degree == profiles_pb2.CONNECTION_DEGREE_SECOND
    template = "{{connectionDegree}}"
    people = [f"{PARENT}/prospects/{each}" for each in (ada, bob)]

    async def rendered(audience: str) -> list[tuple[str, list[str]]]:
        answer = await client.audiences.RenderMessages(
            audiences_pb2.RenderMessagesRequest(
                parent=PARENT, template=template, prospects=people, audience=audience
            )
        )
        return [(each.text, list(each.missing_tags)) for each in answer.messages]

    unknown = ("", ["connectionDegree"])
    assert await rendered(audience) == [("2nd", []), unknown]
    # Another account sees people in its own way, and without an audience nobody looks.
    assert await rendered(await create(client, "others", account="newcomer")) == [unknown] * 2
    assert await rendered("") == [unknown] * 2
    [lacking] = await unready(client, audience, template, page_size=10)
    assert lacking.member.prospect.name == people[1]


@pytest.mark.parametrize(
    ("audience", "template", "token", "field"),
    [
        (f"{PARENT}/audiences/leads", "{{frstName}}", "", "template"),
        (f"{PARENT}/audiences/leads", "{{lastName}}", "first page's", "page_token"),
        (f"{PARENT}/audiences/leads", "{{firstName}}", "bm90IG91cnM", "page_token"),
    ],
    ids=["unknown tag", "token of another template", "no token"],
)
async def test_what_is_wrong_is_named(
    client: AudienceClient, *, audience: str, template: str, token: str, field: str
) -> None:
    await create(client)
    await add(client, audience, "linkedin.com/in/ada-lovelace", "linkedin.com/in/bob")
    request = audiences_pb2.ListUnreadyMembersRequest(
        audience=audience, template="{{firstName}}", page_size=1
    )
    page = await client.audiences.ListUnreadyMembers(request)
    request.template = template
    request.page_token = page.next_page_token if token == "first page's" else token
    with pytest.raises(RpcFailed) as refused:
        await client.audiences.ListUnreadyMembers(request)
    assert [each.field for each in refused.value.field_violations] == [field]


async def test_an_audience_of_another_workspace_lends_no_degrees(client: AudienceClient) -> None:
    audience = await create(client)
    [ada] = await add(client, audience, "linkedin.com/in/ada-lovelace")
    with pytest.raises(RpcFailed) as refused:
        await client.audiences.RenderMessages(
            audiences_pb2.RenderMessagesRequest(
                parent=PARENT,
                template="{{connectionDegree}}",
                prospects=[f"{PARENT}/prospects/{ada}"],
                audience="workspaces/other/audiences/leads",
            )
        )
    assert [each.field for each in refused.value.field_violations] == ["audience"]
