"""Erased people go, here and in the enrichment service, and stay away."""

import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from audience.v1 import audiences_pb2, prospects_pb2
from enrichment.v1 import events_pb2, profiles_pb2
from sqlalchemy import select

from audience_service.sql.database import Database
from audience_service.sql.schema import metadata
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from servicekit.clock import SteppedClock
from tests.audience_service.calls import (
    PARENT,
    add,
    create,
    get,
    import_bytes,
    members,
    start_enrichment,
)
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub
from tests.audience_service.service_process import ServiceProcess
from tests.support.postgres import Postgres, new_database

ENRICHMENT = f"{PARENT}/enrichments/leads"
ADA_ID = "ACoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1"
FILE = b"url\nlinkedin.com/in/Ada-Lovelace\nlinkedin.com/in/bob-smith\n"


async def erase(client: AudienceClient, prospect: str) -> None:
    await client.prospects.EraseProspect(
        prospects_pb2.EraseProspectRequest(name=f"{PARENT}/prospects/{prospect}")
    )


async def reason_of_get(client: AudienceClient, prospect: str) -> str:
    with pytest.raises(RpcFailed) as refused:
        await client.prospects.GetProspect(
            prospects_pb2.GetProspectRequest(name=f"{PARENT}/prospects/{prospect}")
        )
    return refused.value.reason


async def test_an_erased_person_goes_and_imports_refuse_them(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = await create(client)
    [ada, bob] = await add(client, audience, "linkedin.com/in/ada-lovelace", "linkedin.com/in/bob")
    await erase(client, ada)
    assert await reason_of_get(client, ada) == "PROSPECT_NOT_FOUND"
    left = [member.prospect.name for member in await members(client, audience)]
    assert left == [f"{PARENT}/prospects/{bob}"]
    assert (await get(client, audience)).progress.members == 1

    async def told() -> bool:
        return enrichment.erased == ["ada-lovelace"]

    await until(told)
    for request_id, dry in (("dry-run-1", True), ("import-0001", False)):
        receipt = await import_bytes(
            client, FILE, audience=audience, request_id=request_id, validate_only=dry
        )
        assert (receipt.rows, receipt.added, receipt.erased) == (2, 1, 1)
    with pytest.raises(RpcFailed) as refused:
        await add(client, audience, "linkedin.com/in/carol", "www.linkedin.com/in/ADA-lovelace/")
    assert (refused.value.code(), refused.value.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "PROSPECT_ERASED",
    )
    assert [each.field for each in refused.value.field_violations] == ["profile_urls[1]"]
    assert (await get(client, audience)).progress.members == 2


async def test_erasing_again_is_harmless_and_a_stranger_is_not_found(
    client: AudienceClient,
) -> None:
    [ada] = await add(client, await create(client), "linkedin.com/in/ada-lovelace")
    await erase(client, ada)
    await erase(client, ada)
    with pytest.raises(RpcFailed) as refused:
        await erase(client, "0123456789abcdef")
    assert refused.value.reason == "PROSPECT_NOT_FOUND"


async def test_another_workspace_keeps_the_person(client: AudienceClient) -> None:
    [ada] = await add(client, await create(client), "linkedin.com/in/ada-lovelace")
    other = "workspaces/other/audiences/leads"
    await client.audiences.CreateAudience(
        audiences_pb2.CreateAudienceRequest(parent="workspaces/other", audience_id="leads")
    )
    await erase(client, ada)
    assert len(await add(client, other, "linkedin.com/in/ada-lovelace")) == 1


async def test_the_enrichment_service_is_told_until_it_answers(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    enrichment.erasing_fails = True
    [ada] = await add(client, await create(client), "linkedin.com/in/ada-lovelace")
    await erase(client, ada)
    assert enrichment.erased == []
    enrichment.erasing_fails = False

    async def told() -> bool:
        return enrichment.erased == ["ada-lovelace"]

    await until(told)


async def test_a_view_that_shows_an_erased_person_erases_again(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = await create(client)
    [ada] = await add(client, audience, "linkedin.com/in/ada-lovelace")
    await erase(client, ada)
    [hidden, bob] = await add(
        client,
        audience,
        "linkedin.com/sales/lead/ACwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA01,NAME,x",
        "linkedin.com/in/bob",
    )
    await start_enrichment(client, audience)

    async def pending() -> bool:
        return (await get(client, audience)).progress.pending == 2

    await until(pending)
    enrichment.emit(
        enrichment=ENRICHMENT,
        prospect=hidden,
        data=profiles_pb2.Profile(
            provider_id=ADA_ID, public_identifier="ada-lovelace", first_name="Ada"
        ),
    )

    async def gone() -> bool:
        return (await get(client, audience)).progress.members == 1

    await until(gone)
    progress = (await get(client, audience)).progress
    assert (progress.pending, progress.enriched) == (1, 0)
    assert await reason_of_get(client, hidden) == "PROSPECT_NOT_FOUND"
    assert [each.prospect.name for each in await members(client, audience)] == [
        f"{PARENT}/prospects/{bob}"
    ]
    # What the view showed keeps them out as well.
    file = f"url\nlinkedin.com/in/{ADA_ID}\n".encode()
    assert (await import_bytes(client, file, audience=audience)).erased == 1


async def test_who_was_erased_in_the_enrichment_service_is_erased_here(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = await create(client)
    enrichment.erased_there = {"ada-lovelace"}
    await add(client, audience, "linkedin.com/in/ada-lovelace", "linkedin.com/in/bob")
    await start_enrichment(client, audience)

    async def one_left() -> bool:
        progress = (await get(client, audience)).progress
        return (progress.members, progress.pending) == (1, 1)

    await until(one_left)
    assert (await import_bytes(client, FILE, audience=audience)).erased == 1


async def test_an_erased_event_erases_here_too(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = await create(client)
    [ada, _] = await add(client, audience, "linkedin.com/in/ada-lovelace", "linkedin.com/in/bob")
    await start_enrichment(client, audience)

    async def pending() -> bool:
        return (await get(client, audience)).progress.pending == 2

    await until(pending)
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, kind=events_pb2.EVENT_TYPE_PROFILE_ERASED)

    async def one_left() -> bool:
        progress = (await get(client, audience)).progress
        return (progress.members, progress.pending) == (1, 1)

    await until(one_left)
    assert await reason_of_get(client, ada) == "PROSPECT_NOT_FOUND"
    assert (await import_bytes(client, FILE, audience=audience)).erased == 1


async def test_who_was_merged_goes_with_the_survivor(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    audience = await create(client)
    people = await add(
        client, audience, "linkedin.com/in/ada-lovelace", "linkedin.com/in/countess-ada"
    )
    await start_enrichment(client, audience)
    for each in people:
        enrichment.emit(
            enrichment=ENRICHMENT, prospect=each, data=profiles_pb2.Profile(provider_id=ADA_ID)
        )

    async def merged() -> bool:
        return (await get(client, audience)).progress.members == 1

    await until(merged)
    await erase(client, people[1])
    assert (await get(client, audience)).progress.members == 0
    for each in people:
        assert await reason_of_get(client, each) == "PROSPECT_NOT_FOUND"
        await erase(client, each)

    async def told() -> bool:
        return set(enrichment.erased) == {ADA_ID, "ada-lovelace", "countess-ada"}

    await until(told)


async def test_a_kill_loses_no_erasure_and_nothing_of_the_person_is_kept(
    database_url: str, clock: SteppedClock, enrichment: EnrichmentStub, until: Until
) -> None:
    with ServiceProcess(database_url) as first:
        async with AudienceClient(first.address) as client:
            [ada] = await add(client, await create(client), "linkedin.com/in/ada-lovelace")
            await erase(client, ada)
            first.kill()
    address = await enrichment.start()
    with ServiceProcess(database_url, enrichment_address=address) as second:

        async def told() -> bool:
            return enrichment.erased == ["ada-lovelace"]

        await until(told)
        assert second.terminate() == 0
    await enrichment.stop()
    database = Database(database_url)
    async with database.engine.connect() as connection:
        kept = {
            table.name: repr((await connection.execute(select(table))).all())
            for table in metadata.sorted_tables
        }
    await database.close()
    assert kept["tombstones"] != "[]"
    assert not [name for name, rows in kept.items() if "lovelace" in rows.lower()]


def test_another_key_ends_the_start(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'audience.db'}"
    with ServiceProcess(url, erasure_key="") as first:
        assert first.terminate() == 0
    key = tmp_path / "audience.db.erasure-key"
    assert key.stat().st_mode & 0o777 == 0o600
    ended = ends_at_start(url, erasure_key="another secret key")
    assert ended.startswith("AUDIENCE_ERASURE_KEY: ")


def test_without_a_key_the_start_ends_where_none_lies_beside(postgres: Postgres) -> None:
    ended = ends_at_start(new_database(postgres), erasure_key="")
    assert ended.startswith("AUDIENCE_ERASURE_KEY: ")


def ends_at_start(database_url: str, *, erasure_key: str) -> str:
    """The last line that a service writes whose settings are refused."""
    ended = subprocess.run(
        [sys.executable, "-m", "audience_service"],
        env={
            **os.environ,
            "AUDIENCE_DATABASE_URL": database_url,
            "AUDIENCE_ERASURE_KEY": erasure_key,
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr.splitlines()[-1]
