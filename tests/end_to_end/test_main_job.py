"""How the pair is used, from the file to the last event. Read it as a tutorial."""

from collections import Counter
from itertools import pairwise

from audience.v1.audiences_pb2 import (
    MEMBER_STATE_ENRICHED,
    ROW_CLASS_MERGED,
    ROW_CLASS_NO_PROFILE,
    ROW_CLASS_REJECTED,
    GetImportReceiptRequest,
    StreamProspectsRequest,
)
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_NEW, ACCOUNT_STRATEGY_VETERAN
from enrichment.v1.events_pb2 import (
    EVENT_TYPE_ACCOUNT_PAUSED,
    EVENT_TYPE_ACCOUNT_RESUMED,
    EVENT_TYPE_PROFILE_CACHED,
    EVENT_TYPE_PROFILE_ENRICHED,
)
from enrichment.v1.pauses_pb2 import PAUSE_REASON_DAILY_CAP_REACHED

from clients.subscription import stream_prospects
from tests.end_to_end.job import SAMPLES, Job, views_a_day


async def test_a_file_goes_in_and_enriched_prospects_come_out(job: Job) -> None:
    # An account that is trusted already may view 50 profiles a day, then 100.
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    audience = await job.audience("leads", account="vera")

    # A file of 300 people. Every row gets a class in the receipt.
    receipt = await job.import_sample(audience, SAMPLES / "sales_navigator_export.csv")
    assert (receipt.rows, receipt.added) == (300, 300)

    # The campaign does not wait for enrichment: all members can be enrolled now.
    request = StreamProspectsRequest(audiences=[audience])
    enrolled = [
        member.prospect.name
        async for message in stream_prospects(job.audiences.audiences, request)
        for member in message.members
    ]
    assert len(set(enrolled)) == len(enrolled) == 300

    # Enrichment is a wish that is carried out in the background.
    await job.start(audience)
    done = await job.done(audience)
    progress = done.progress
    assert progress.enriched + progress.cached + progress.partial + progress.failed == 300
    assert progress.members == 300

    # Every enriched member has data, seen by the audience's own account.
    members = await job.members(audience)
    enriched = [member for member in members if member.state == MEMBER_STATE_ENRICHED]
    assert len(enriched) == progress.enriched > 250
    assert all(member.prospect.provider_id.startswith("ACoAA") for member in enriched)
    # LinkedIn leaves any field of a person out now and then, but for the provider id.
    assert sum(bool(member.connection_degree) for member in enriched) > 0.9 * len(enriched)
    assert len({member.prospect.provider_id for member in enriched}) == len(enriched)

    # LinkedIn saw no more than the cap of each day.
    days = views_a_day(await job.views(), "vera")
    first = min(days)
    assert all(count <= (50 if day - first < 7 else 100) for day, count in days.items()), (
        "a day above the cap"
    )
    assert max(days.values()) == 50

    # And the stream tells all of it in order: at the cap the account paused, after midnight it went
    # on.
    events = await job.all_events()
    ids = [event.event_id for event in events]
    assert len(set(ids)) == len(ids)
    times = [event.event_time.ToMilliseconds() for event in events]
    assert all(earlier <= later for earlier, later in pairwise(times))
    told = Counter(event.type for event in events)
    assert told[EVENT_TYPE_PROFILE_ENRICHED] == progress.enriched
    assert told[EVENT_TYPE_PROFILE_CACHED] == progress.cached
    pauses = [event for event in events if event.type == EVENT_TYPE_ACCOUNT_PAUSED]
    assert {event.pause.reason for event in pauses} == {PAUSE_REASON_DAILY_CAP_REACHED}
    for pause in pauses:
        resumes = pause.pause.until_time.ToMilliseconds() % 86_400_000
        assert resumes < 15 * 60_000, "resumption is spread over 15 minutes after midnight"
    assert told[EVENT_TYPE_ACCOUNT_RESUMED] == len(pauses)


async def test_whom_the_workspace_knows_costs_nothing(job: Job) -> None:
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    await job.connect("nora", ACCOUNT_STRATEGY_NEW)
    leads = await job.audience("leads", account="vera")
    await job.import_sample(leads, SAMPLES / "sales_navigator_export.csv")
    await job.start(leads)
    await job.done(leads)
    before = len(await job.views())

    again = await job.audience("again", account="nora")
    await job.import_sample(again, SAMPLES / "sales_navigator_export.csv")
    await job.start(again)
    progress = (await job.done(again)).progress

    assert progress.cached >= 290
    # What LinkedIn gave in part only is tried again; nobody else is viewed.
    assert len(await job.views()) - before <= 3 * progress.partial + progress.enriched


async def test_connections_give_960_people_and_a_receipt_for_every_row(job: Job) -> None:
    await job.connect("nora", ACCOUNT_STRATEGY_NEW)
    audience = await job.audience("connections", account="nora")
    receipt = await job.import_sample(
        audience, SAMPLES / "Connections.csv", request_id="connections-1"
    )
    assert (receipt.rows, receipt.added) == (1000, 960)
    assert (receipt.merged, receipt.no_profile, receipt.rejected) == (18, 18, 4)

    listed = await job.audiences.audiences.GetImportReceipt(
        GetImportReceiptRequest(audience=audience, request_id="connections-1", page_size=1000)
    )
    classes = Counter(row.row_class for row in listed.rows)
    assert classes == {ROW_CLASS_MERGED: 18, ROW_CLASS_NO_PROFILE: 18, ROW_CLASS_REJECTED: 4}
    lines = (SAMPLES / "Connections.csv").read_text("utf-8-sig").split("\n")
    for row in listed.rows:
        line = lines[row.row - 1]
        if row.row_class == ROW_CLASS_NO_PROFILE:
            assert "linkedin.com" not in line
        if row.row_class == ROW_CLASS_REJECTED:
            assert row.reason in ("NOT_LINKEDIN", "NOT_A_PERSON", "UNAVAILABLE", "MALFORMED")

    # The same request again: the same receipt, and nobody joins twice.
    again = await job.import_sample(
        audience, SAMPLES / "Connections.csv", request_id="connections-1"
    )
    assert again == receipt
    assert (await job.get(audience)).progress.members == 960
