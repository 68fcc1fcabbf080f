"""A refusal names the field that the caller sent, and the place in it."""

import base64
import json
from collections.abc import Awaitable

import grpc
import pytest
from audience.v1 import audiences_pb2

from clients.audience import AudienceClient
from clients.errors import RpcFailed
from tests.audience_service.calls import PARENT, add, create


async def message_of(call: Awaitable[object]) -> str:
    with pytest.raises((RpcFailed, grpc.aio.AioRpcError)) as refused:
        await call
    return str(refused.value)


async def test_a_stream_names_its_cursor(client: AudienceClient) -> None:
    request = audiences_pb2.StreamProspectsRequest(
        audiences=[await create(client)], after_cursor="made-up"
    )
    told = await message_of(anext(aiter(client.audiences.StreamProspects(request))))
    assert "after_cursor: is not one that this server made" in told


async def test_an_account_of_another_workspace_is_named_without_an_index(
    client: AudienceClient,
) -> None:
    request = audiences_pb2.CreateAudienceRequest(
        parent=PARENT, audience=audiences_pb2.Audience(account="workspaces/other/accounts/ada")
    )
    told = await message_of(client.audiences.CreateAudience(request))
    assert "audience.account: must be of the same workspace" in told


async def test_a_template_is_told_its_first_character_as_1(client: AudienceClient) -> None:
    request = audiences_pb2.CheckReadinessRequest(
        audience=await create(client), template="{{firstName"
    )
    told = await message_of(client.audiences.CheckReadiness(request))
    assert "template: at character 1: a tag is not complete" in told
    assert ".." not in told


async def test_a_page_token_that_was_tampered_with_is_refused(client: AudienceClient) -> None:
    audience = await create(client)
    await add(client, audience, "linkedin.com/in/ada-x", "linkedin.com/in/bob-x")
    request = audiences_pb2.ListAudienceProspectsRequest(audience=audience, page_size=1)
    token = (await client.audiences.ListAudienceProspects(request)).next_page_token
    body = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    body["p"]["seq"] = 2**63
    request.page_token = base64.urlsafe_b64encode(json.dumps(body).encode()).decode()
    told = await message_of(client.audiences.ListAudienceProspects(request))
    assert "page_token: is not one that this server made" in told


async def test_an_url_is_told_what_is_wrong_with_it(client: AudienceClient) -> None:
    audience = await create(client)
    for url, why in (
        ("ada-lovelace", "no address on linkedin.com; send a profile URL such as https://"),
        ("linkedin.com/company/engines", "not a person"),
        ("linkedin.com/in/unavailable", "leave it out"),
        ("linkedin.com/in/", "cannot be the name"),
        (" ", "is blank"),
    ):
        told = await message_of(add(client, audience, "linkedin.com/in/fine-x", url))
        assert "profile_urls[1]: " in told
        assert why in told
