"""Deleted audiences: what they refuse, how they come back, and how they go for good."""

from collections.abc import Awaitable

import grpc
import pytest
from audience.v1 import audiences_pb2, prospects_pb2
from enrichment.v1 import events_pb2

from audience_service import deletion as deletion_module
from audience_service import submitting as submitting_module
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from servicekit.clock import SteppedClock
from tests.audience_service.calls import (
    PARENT,
    add,
    audience_name,
    create,
    get,
    import_bytes,
    members,
    start_enrichment,
)
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub
from tests.audience_service.submitted import ADA, ENRICHMENT, submitted

MONTH_MS = 30 * 86_400_000
AUDIENCE = audience_name("leads")
VETERANS = audiences_pb2.Audience(account=f"{PARENT}/accounts/veteran")
DELETED = audiences_pb2.AUDIENCE_STATE_DELETED


async def refusal(call: Awaitable[object]) -> RpcFailed:
    with pytest.raises(RpcFailed) as refused:
        await call
    return refused.value


async def delete(client: AudienceClient, name: str, etag: str = "") -> audiences_pb2.Audience:
    request = audiences_pb2.DeleteAudienceRequest(name=name, etag=etag)
    return (await client.audiences.DeleteAudience(request)).audience


async def undelete(client: AudienceClient, name: str, etag: str = "") -> audiences_pb2.Audience:
    request = audiences_pb2.UndeleteAudienceRequest(name=name, etag=etag)
    return (await client.audiences.UndeleteAudience(request)).audience


async def listed(client: AudienceClient, *, show_deleted: bool = False) -> list[str]:
    request = audiences_pb2.ListAudiencesRequest(parent=PARENT, show_deleted=show_deleted)
    return [each.name for each in (await client.audiences.ListAudiences(request)).audiences]


async def test_a_deleted_audience_is_shown_on_request_and_does_nothing(
    client: AudienceClient, clock: SteppedClock
) -> None:
    name = await create(client)
    [ada] = await add(client, name, "linkedin.com/in/ada-lovelace")
    before = await get(client, name)
    assert (await refusal(delete(client, name, etag="7"))).reason == "ETAG_MISMATCH"
    assert (await refusal(undelete(client, name))).code() is grpc.StatusCode.ALREADY_EXISTS
    deleted = await delete(client, name, etag=before.etag)
    assert deleted.etag == (await get(client, name)).etag
    assert deleted.state == DELETED
    assert deleted.delete_time.ToMilliseconds() == clock.now_ms()
    assert deleted.purge_time.ToMilliseconds() == clock.now_ms() + MONTH_MS
    assert (await listed(client), await listed(client, show_deleted=True)) == ([], [name])
    stub = client.audiences
    person = f"{PARENT}/prospects/{ada}"
    refused: list[Awaitable[object]] = [
        stub.UpdateAudience(
            audiences_pb2.UpdateAudienceRequest(
                audience=audiences_pb2.Audience(name=name, description="!")
            )
        ),
        stub.DeleteAudience(audiences_pb2.DeleteAudienceRequest(name=name)),
        stub.AddProspects(audiences_pb2.AddProspectsRequest(audience=name, prospects=[person])),
        stub.RemoveProspects(
            audiences_pb2.RemoveProspectsRequest(audience=name, prospects=[person])
        ),
        stub.ListAudienceProspects(audiences_pb2.ListAudienceProspectsRequest(audience=name)),
        stub.StartEnrichment(audiences_pb2.StartEnrichmentRequest(name=name)),
        stub.CheckReadiness(
            audiences_pb2.CheckReadinessRequest(audience=name, template="{{firstName}}")
        ),
        stub.CombineAudiences(
            audiences_pb2.CombineAudiencesRequest(
                parent=PARENT,
                sources=[name, name],
                operation=audiences_pb2.SET_OPERATION_UNION,
            )
        ),
        import_bytes(client, b"url\nlinkedin.com/in/bob\n", audience=name),
    ]
    for call in refused:
        assert (await refusal(call)).reason == "AUDIENCE_NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await stub.StreamProspects(audiences_pb2.StreamProspectsRequest(audiences=[name])).read()
    assert RpcFailed(ended.value).reason == "AUDIENCE_NOT_FOUND"
    taken = audiences_pb2.CreateAudienceRequest(parent=PARENT, audience_id="leads")
    error = await refusal(stub.CreateAudience(taken))
    assert error.reason == "AUDIENCE_ALREADY_EXISTS"
    assert "UndeleteAudience" in error.message
    assert (await refusal(undelete(client, name, etag="1"))).reason == "ETAG_MISMATCH"
    back = await undelete(client, name, etag=deleted.etag)
    assert (back.state, back.HasField("delete_time")) == (before.state, False)
    assert [each.prospect.name for each in await members(client, name)] == [person]
    assert await listed(client) == [name]


async def test_what_was_not_viewed_is_submitted_again_to_another_enrichment(
    client: AudienceClient,
    enrichment: EnrichmentStub,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submitting_module, "_TAKEN_BACK", 2)
    urls = [f"linkedin.com/in/person-{number}" for number in range(7)]
    ada, bob, *others = await submitted(client, enrichment, until, *urls)
    for revision in (1, 2, 3):
        enrichment.emit(
            enrichment=ENRICHMENT,
            prospect=bob,
            kind=events_pb2.EVENT_TYPE_PROFILE_PARTIAL,
            revision=revision,
        )
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=ADA, revision=4)

    async def enriched(count: int) -> bool:
        return (await get(client, AUDIENCE)).progress.enriched == count

    await until(lambda: enriched(1))
    await delete(client, AUDIENCE)

    async def taken_back() -> bool:
        found = await get(client, AUDIENCE)
        return (found.progress.not_submitted, found.enrichment) == (6, "")

    await until(taken_back)
    assert enrichment.cancelled == [ENRICHMENT]
    # Nothing is heard of the enrichment that was cancelled.
    enrichment.emit(enrichment=ENRICHMENT, prospect=bob, data=ADA, revision=9)
    await undelete(client, AUDIENCE)

    async def submitted_again() -> bool:
        return (await get(client, AUDIENCE)).progress.pending == 6

    await until(submitted_again)
    again = (await get(client, AUDIENCE)).enrichment
    assert again != ENRICHMENT
    assert sorted(enrichment.submitted[again]) == sorted([bob, *others])
    assert await enriched(1)
    # Revisions begin anew there.
    enrichment.emit(enrichment=again, prospect=bob, kind=events_pb2.EVENT_TYPE_PROFILE_FAILED)

    async def failed() -> bool:
        progress = (await get(client, AUDIENCE)).progress
        return (progress.enriched, progress.failed, progress.pending) == (1, 1, 5)

    await until(failed)


async def test_a_paused_audience_comes_back_paused(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    await submitted(client, enrichment, until, "linkedin.com/in/ada-lovelace")
    await client.audiences.PauseEnrichment(audiences_pb2.PauseEnrichmentRequest(name=AUDIENCE))
    await delete(client, AUDIENCE)
    # At once: the first enrichment is ended all the same.
    await undelete(client, AUDIENCE)

    async def paused_again() -> bool:
        found = await get(client, AUDIENCE)
        return found.enrichment != ENRICHMENT and found.progress.HasField("pause")

    await until(paused_again)
    assert enrichment.cancelled == [ENRICHMENT]


async def test_an_audience_goes_for_good_when_its_time_is_over(
    client: AudienceClient,
    enrichment: EnrichmentStub,
    until: Until,
    clock: SteppedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deletion_module, "_PART", 2)
    urls = [f"linkedin.com/in/person-{number}" for number in range(5)]
    creation = audiences_pb2.CreateAudienceRequest(
        parent=PARENT, audience_id="leads", audience=VETERANS, request_id="once"
    )
    name = (await client.audiences.CreateAudience(creation)).audience.name
    file = "\n".join(["url", *urls]).encode()
    await import_bytes(client, file, audience=name)
    await client.audiences.UpdateAudience(
        audiences_pb2.UpdateAudienceRequest(
            audience=audiences_pb2.Audience(name=name, labels={"team": "sales"})
        )
    )
    people = [each.prospect.name for each in await members(client, name)]
    other = await create(client, "other")
    await add(client, other, *urls[:2])
    await start_enrichment(client, name)
    await delete(client, name)
    clock.advance_by(MONTH_MS - 1)
    assert (await get(client, name)).state == DELETED
    clock.advance_by(1)
    assert (await refusal(get(client, name))).reason == "AUDIENCE_NOT_FOUND"
    assert (await refusal(undelete(client, name))).reason == "AUDIENCE_NOT_FOUND"
    # Whatever is deleted wakes the purge.
    await delete(client, await create(client, "another"))

    async def purged() -> bool:
        return name not in await listed(client, show_deleted=True)

    await until(purged)
    # Its request id is free, too.
    assert (await client.audiences.CreateAudience(creation)).audience.name == name
    fresh = await get(client, name)
    assert (fresh.progress.members, dict(fresh.labels)) == (0, {})
    assert await members(client, name) == []
    # The people stay in the workspace, and in other audiences.
    assert len(await members(client, other)) == 2
    for person in people:
        await client.prospects.GetProspect(prospects_pb2.GetProspectRequest(name=person))
    receipt = audiences_pb2.GetImportReceiptRequest(audience=name, request_id="import-0001")
    assert (await refusal(client.audiences.GetImportReceipt(receipt))).reason == "IMPORT_NOT_FOUND"
    # So the same file comes in again under the same id.
    assert (await import_bytes(client, file, audience=name)).added == 5
