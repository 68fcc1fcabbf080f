"""When the event log cannot be read on, a snapshot brings members back in step by itself."""

import pytest
from enrichment.v1 import events_pb2

from audience_service.errors import CursorMovedError
from audience_service.resync import Resync
from audience_service.signals import Signals
from audience_service.sql.store import SqlStore
from clients.audience import AudienceClient
from tests.audience_service.calls import PARENT, get, prospect
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub
from tests.audience_service.submitted import ADA, ENRICHMENT, submitted

AUDIENCE = f"{PARENT}/audiences/leads"
URLS = [f"linkedin.com/in/person-{number}" for number in range(6)]


async def in_state(client: AudienceClient, **counts: int) -> bool:
    progress = (await get(client, AUDIENCE)).progress
    return all(getattr(progress, name) == count for name, count in counts.items())


async def test_a_lost_store_gets_those_again_who_waited(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    [ada, bob] = await submitted(client, enrichment, until, *URLS[:2])
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=ADA, revision=7)
    await until(lambda: in_state(client, enriched=1))
    enrichment.lose_everything()

    async def submitted_again() -> bool:
        return list(enrichment.submitted.get(ENRICHMENT, {})) == [bob]

    await until(submitted_again)
    # What is known stays known: nobody is viewed for it again.
    assert (await prospect(client, ada)).first_name == "Ada"
    await until(lambda: in_state(client, enriched=1, pending=1))
    # Revisions begin anew there.
    enrichment.emit(enrichment=ENRICHMENT, prospect=bob, kind=events_pb2.EVENT_TYPE_PROFILE_FAILED)
    await until(lambda: in_state(client, enriched=1, failed=1, pending=0))


@pytest.mark.parametrize("reason", ["CURSOR_EXPIRED", "CURSOR_OF_OTHER_FILTER"])
async def test_what_was_missed_is_made_up_for(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until, reason: str
) -> None:
    people = await submitted(client, enrichment, until, *URLS)
    enrichment.emit(enrichment=ENRICHMENT, prospect=people[0], data=ADA)
    await until(lambda: in_state(client, enriched=1))
    # Only the snapshot tells of these.
    missed = [
        events_pb2.EVENT_TYPE_PROFILE_ENRICHED,
        events_pb2.EVENT_TYPE_PROFILE_FAILED,
        events_pb2.EVENT_TYPE_PROFILE_ERASED,
    ]
    for person, kind in zip(people[1:], missed, strict=False):
        enrichment.emit(enrichment=ENRICHMENT, prospect=person, kind=kind, silent=True)
    # One of those who wait is not there at all.
    del enrichment.submitted[ENRICHMENT][people[4]]
    enrichment.firsts = {
        key: first for key, first in enrichment.firsts.items() if first != f"prospects/{people[4]}"
    }
    enrichment.lose_cursors(reason)
    await until(lambda: in_state(client, members=5, enriched=2, failed=1, pending=2))

    async def submitted_again() -> bool:
        return people[4] in enrichment.submitted[ENRICHMENT]

    await until(submitted_again)
    assert ENRICHMENT in enrichment.enrichments
    assert len(enrichment.enrichments) == 1


async def test_a_snapshot_that_breaks_goes_on(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until
) -> None:
    people = await submitted(client, enrichment, until, *URLS)
    for person in people[:4]:
        enrichment.emit(enrichment=ENRICHMENT, prospect=person)
    await until(lambda: in_state(client, enriched=4))
    enrichment.break_behind = 2
    enrichment.lose_cursors("CURSOR_EXPIRED")
    enrichment.emit(enrichment=ENRICHMENT, prospect=people[4], silent=True)
    await until(lambda: in_state(client, enriched=5, pending=1))
    assert enrichment.break_behind == 0


async def test_of_two_processes_one_takes_the_snapshot(sql: SqlStore) -> None:
    async def move(old: str, new: str) -> None:
        assert await sql.write([], lambda tx: tx.log_position.move(old=old, new=new))

    resync = Resync(store=sql, signals=Signals())
    await move("", "old")
    await resync.begin("old")
    with pytest.raises(CursorMovedError):
        await resync.begin("old")
    assert await sql.read(lambda tx: tx.log_position.get()) == ""
