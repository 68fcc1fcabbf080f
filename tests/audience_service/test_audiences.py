"""Audiences over gRPC: settings, repeats, refusals, and members of several workspaces."""

from collections.abc import Awaitable

import grpc
import pytest
from audience.v1 import audiences_pb2, prospects_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from clients.audience import AudienceClient
from clients.errors import RpcFailed
from tests.audience_service.calls import PARENT, add, create, get, members, start_enrichment
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub


async def refusal(call: Awaitable[object]) -> RpcFailed:
    with pytest.raises(RpcFailed) as refused:
        await call
    return refused.value


async def test_creating_is_repeatable_by_request_id(client: AudienceClient) -> None:
    request = audiences_pb2.CreateAudienceRequest(parent=PARENT, request_id="once")
    first = await client.audiences.CreateAudience(request)
    assert await client.audiences.CreateAudience(request) == first
    request.audience.display_name = "Another"
    refused = await refusal(client.audiences.CreateAudience(request))
    assert refused.reason == "REQUEST_ID_REUSED"
    name = await create(client, "leads")
    again = audiences_pb2.CreateAudienceRequest(parent=PARENT, audience_id="leads")
    refused = await refusal(client.audiences.CreateAudience(again))
    assert (refused.code(), refused.reason) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "AUDIENCE_ALREADY_EXISTS",
    )
    assert (await get(client, name)).state == audiences_pb2.AUDIENCE_STATE_READY


async def test_settings_change_by_mask_and_etag(client: AudienceClient) -> None:
    name = await create(client, account="")
    etag = (await get(client, name)).etag
    given = audiences_pb2.Audience(name=name, display_name="Leads", description="!", etag=etag)
    changed = await client.audiences.UpdateAudience(
        audiences_pb2.UpdateAudienceRequest(
            audience=given, update_mask=FieldMask(paths=["display_name"])
        )
    )
    assert (changed.audience.display_name, changed.audience.description) == ("Leads", "")
    stale = audiences_pb2.UpdateAudienceRequest(audience=given)
    assert (await refusal(client.audiences.UpdateAudience(stale))).reason == "ETAG_MISMATCH"
    output_only = audiences_pb2.UpdateAudienceRequest(
        audience=audiences_pb2.Audience(name=name), update_mask=FieldMask(paths=["state"])
    )
    refused = await refusal(client.audiences.UpdateAudience(output_only))
    assert [each.field for each in refused.field_violations] == ["update_mask"]


async def test_a_star_changes_everything_and_a_label_has_a_key(client: AudienceClient) -> None:
    name = await create(client, account="")

    async def update(mask: str, *, title: str = "", text: str = "") -> audiences_pb2.Audience:
        given = audiences_pb2.Audience(
            name=name, display_name=title, description=text, labels={"team": "sales"}
        )
        answer = await client.audiences.UpdateAudience(
            audiences_pb2.UpdateAudienceRequest(audience=given, update_mask=FieldMask(paths=[mask]))
        )
        return answer.audience

    await update("description", text="Old")
    changed = await update("*", title="Leads")
    assert (changed.display_name, changed.description) == ("Leads", "")
    assert dict(changed.labels) == {"team": "sales"}
    for key in ("", "Two Words", "x" * 64):
        refused = await refusal(update(f"labels.{key}"))
        assert [each.field for each in refused.field_violations] == ["update_mask"]
        assert "begins with a letter" in refused.message


async def test_enrichment_needs_an_account_that_is_connected(
    client: AudienceClient, enrichment: EnrichmentStub
) -> None:
    start = audiences_pb2.StartEnrichmentRequest(name=await create(client, "none", account=""))
    refused = await refusal(client.audiences.StartEnrichment(start))
    assert refused.reason == "ACCOUNT_NOT_SET"
    start.name = await create(client, "unknown", account="nobody")
    refused = await refusal(client.audiences.StartEnrichment(start))
    assert (refused.code(), refused.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "ACCOUNT_NOT_FOUND",
    )
    name = await create(client)
    await start_enrichment(client, name)
    await start_enrichment(client, name)
    other = audiences_pb2.Audience(name=name, account=f"{PARENT}/accounts/other")
    refused = await refusal(
        client.audiences.UpdateAudience(audiences_pb2.UpdateAudienceRequest(audience=other))
    )
    assert refused.reason == "ACCOUNT_FIXED"


async def test_urls_that_are_no_profiles_are_named_and_nobody_is_added(
    client: AudienceClient,
) -> None:
    name = await create(client)
    urls = ["linkedin.com/in/ada-lovelace", "linkedin.com/company/acme", "example.com/ada"]
    refused = await refusal(
        client.audiences.AddProspects(
            audiences_pb2.AddProspectsRequest(audience=name, profile_urls=urls)
        )
    )
    fields = [each.field for each in refused.field_violations]
    assert fields == ["profile_urls[1]", "profile_urls[2]"]
    assert (await get(client, name)).progress.members == 0


async def test_spellings_of_one_person_are_one_member(client: AudienceClient) -> None:
    name = await create(client)
    people = await add(
        client,
        name,
        "https://www.linkedin.com/in/Ada-Lovelace/?trk=x",
        "de.linkedin.com/in/ada-lovelace/details/experience",
        "linkedin.com/mwlite/in/ADA-LOVELACE",
    )
    assert len(set(people)) == 1
    assert (await get(client, name)).progress.members == 1
    again = await client.audiences.AddProspects(
        audiences_pb2.AddProspectsRequest(
            audience=name, prospects=[f"{PARENT}/prospects/{people[0]}"]
        )
    )
    assert (again.added_count, again.already_there_count) == (0, 1)


async def test_workspaces_know_nothing_of_each_other(client: AudienceClient) -> None:
    [ada] = await add(client, await create(client), "linkedin.com/in/ada-lovelace")
    await client.audiences.CreateAudience(
        audiences_pb2.CreateAudienceRequest(parent="workspaces/other", audience_id="leads")
    )
    other = "workspaces/other/audiences/leads"
    [theirs] = await add(client, other, "linkedin.com/in/ada-lovelace")
    assert theirs != ada
    request = prospects_pb2.GetProspectRequest(name=f"workspaces/other/prospects/{ada}")
    refused = await refusal(client.prospects.GetProspect(request))
    assert refused.reason == "PROSPECT_NOT_FOUND"
    foreign = audiences_pb2.AddProspectsRequest(
        audience=other, prospects=[f"{PARENT}/prospects/{ada}"]
    )
    refused = await refusal(client.audiences.AddProspects(foreign))
    assert [each.field for each in refused.field_violations] == ["prospects[0]"]


async def test_a_stream_gives_each_person_once_and_goes_on_after_any_message(
    client: AudienceClient,
) -> None:
    first, second, third = [await create(client, name) for name in ("first", "second", "third")]
    urls = [f"linkedin.com/in/person-{number}" for number in range(1_300)]
    for begin in range(0, 1_300, 500):
        await add(client, first, *urls[begin : begin + 500])
    await add(client, second, *urls[1_100:], "linkedin.com/in/only-second")
    await add(client, third, *urls[:50])
    request = audiences_pb2.StreamProspectsRequest(
        audiences=[second, first], excluded_audiences=[third]
    )
    messages = [message async for message in client.audiences.StreamProspects(request)]
    everybody = [member.prospect.profile_url for each in messages for member in each.members]
    wanted = [f"https://www.{url}" for url in [*urls[50:], "linkedin.com/in/only-second"]]
    assert everybody == wanted
    request.after_cursor = messages[0].cursor
    rest = [message async for message in client.audiences.StreamProspects(request)]
    assert rest == messages[1:]
    request.excluded_audiences.append(second)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.audiences.StreamProspects(request).read()
    assert RpcFailed(refused.value).reason == "PAGE_TOKEN_INVALID"


async def test_templates_are_filled_checked_and_never_evaluated(client: AudienceClient) -> None:
    name = await create(client)
    [ada, _] = await add(client, name, "linkedin.com/in/ada-lovelace", "linkedin.com/in/bob")
    await client.prospects.UpdateProspect(
        prospects_pb2.UpdateProspectRequest(
            prospect=prospects_pb2.Prospect(
                name=f"{PARENT}/prospects/{ada}", first_name="{{company}}"
            )
        )
    )
    ready = await client.audiences.CheckReadiness(
        audiences_pb2.CheckReadinessRequest(
            audience=name, template="Hi {{firstName}}, of {{company|your company}}"
        )
    )
    assert [(each.tag, each.ready_count, each.missing_count) for each in ready.tags] == [
        ("firstName", 1, 1),
        ("company", 0, 2),
    ]
    assert ready.ready_count == 1
    people = [member.prospect.name for member in await members(client, name)]
    rendered = await client.audiences.RenderMessages(
        audiences_pb2.RenderMessagesRequest(
            parent=PARENT, template="Hi {{firstName}}", prospects=people
        )
    )
    assert [(each.text, list(each.missing_tags)) for each in rendered.messages] == [
        ("Hi {{company}}", []),
        ("", ["firstName"]),
    ]
    refused = await refusal(
        client.audiences.RenderMessages(
            audiences_pb2.RenderMessagesRequest(
                parent=PARENT, template="{{frstName}} {{", prospects=people
            )
        )
    )
    assert len(refused.field_violations) == 2


async def test_progress_says_when_the_enrichment_service_is_away(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    name = await create(client)
    await add(client, name, "linkedin.com/in/ada-lovelace")
    await start_enrichment(client, name)

    async def pending() -> bool:
        return (await get(client, name)).progress.pending == 1

    await until(pending)
    assert (await get(client, name)).progress.enrichment_reachable
    await enrichment.stop()
    progress = (await get(client, name)).progress
    assert not progress.enrichment_reachable
    assert progress.pending == 1
