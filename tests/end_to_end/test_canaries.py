"""Canaries of people and of secrets, planted everywhere, show up nowhere that they must not.

Looked through: the logs of all processes, both pages of metrics, the traces, the texts and details
of failed calls, and the raw event log in the store. The stack is a secured one, as in production.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
import redis
from audience.v1.audience_counts_pb2 import GetAudienceCountRequest, TargetingClause, TargetingFacet
from audience.v1.audiences_pb2 import (
    AddProspectsRequest,
    CheckReadinessRequest,
    ListUnreadyMembersRequest,
    RenderMessagesRequest,
)
from audience.v1.prospects_pb2 import (
    ListProspectsRequest,
    Prospect,
    ProspectSearch,
    UpdateProspectRequest,
)
from audience.v1.suppressions_pb2 import SuppressProspectsRequest
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_VETERAN, Account, ConnectAccountRequest
from google.protobuf.field_mask_pb2 import FieldMask

from clients.errors import RpcFailed
from tests.end_to_end.canaries import (
    EDITED,
    LINKEDIN_TOKEN,
    MARK,
    NAME,
    PROVIDER_ACCOUNT,
    PROVIDER_ID,
    URL,
    VANITY,
    WEBHOOK_SECRET,
    call_everything,
    knock_at_the_webhook,
    secrets_of,
    write_file,
)
from tests.end_to_end.job import WORKSPACE, Job
from tests.support.metrics_page import read_metrics
from tests.support.otlp_collector import Collector, collecting
from tests.support.stack_process import running

_FAULTS = ("another_member", "not_a_profile", "broken_json", "redirect", "reset")
_CODES = {"INVALID_ARGUMENT", "UNAUTHENTICATED"}
_AUDIENCE = f"{WORKSPACE}/audiences/leads"


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    async with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        monkeypatch.setenv("ENRICHMENT_WEBHOOK_SECRET", WEBHOOK_SECRET)
        yield collector


@pytest.fixture
async def secured_job(collector: Collector, tmp_path: Path) -> AsyncIterator[Job]:
    """A job on a secured stack on the stepped clock."""
    options = ("--secured", "--stepped-clock", "--start-time", "2026-01-05T08:00:00Z")
    async with running(tmp_path / "data", *options) as stack:
        job = Job(stack)
        yield job
        await job.close()


async def test_canaries_stay_where_they_belong(
    secured_job: Job, collector: Collector, tmp_path: Path
) -> None:
    job = secured_job
    credentials = job.credentials
    needles, said = await _work_with_people(job, tmp_path)
    needles |= {MARK, *secrets_of(job.stack.data_dir)}
    said += [
        *await knock_at_the_webhook(job),
        *await _count_audiences(job),
        *await call_everything(job, credentials, names={}),
        *await call_everything(
            job,
            credentials,
            names={
                "parent": WORKSPACE,
                "workspace": WORKSPACE,
                "audience": _AUDIENCE,
                "account": f"{WORKSPACE}/accounts/vera",
                "name": _AUDIENCE,
            },
        ),
    ]
    # The calls came as far as they can be refused.
    refused = {code for code in _CODES if any(f": {code} " in text for text in said)}
    assert refused == _CODES
    pages = [
        (await read_metrics(address)).text
        for address in (job.enrichment_metrics, job.audience_metrics)
    ]
    events = await asyncio.to_thread(_event_log, job.stack.store)
    # What is left is sent, and the last lines are written, when they stop.
    await job.close()
    assert await job.stack.stop() == 0
    spans = {span.name for span in collector.spans}
    assert {"provider view", "tick", "audience.v1.AudienceService/AddProspects"} <= spans
    assert "PROFILE_ENRICHED" in events

    places = {
        "logs": _logs(job),
        "metrics": "".join(pages),
        "traces": collector.raw.decode("latin-1"),
        "errors": "\n".join(said),
        "events": events,
    }
    found = [
        (place, needle, _around(text, needle))
        for place, text in places.items()
        for needle in needles
        if needle.lower() in text.lower()
    ]
    assert found == []


async def _work_with_people(job: Job, folder: Path) -> tuple[set[str], list[str]]:
    """Does everything with them; what else they are known by, and what failing calls said."""
    await job.post_people([{"vanity": VANITY, "provider_id": PROVIDER_ID}])
    await job.enrichment.accounts.ConnectAccount(
        ConnectAccountRequest(
            parent=WORKSPACE,
            account_id="vera",
            account=Account(
                provider_account_id=PROVIDER_ACCOUNT,
                display_name=NAME,
                strategy=ACCOUNT_STRATEGY_VETERAN,
            ),
        )
    )
    assert await job.audience("leads", account="vera") == _AUDIENCE
    await job.import_sample(_AUDIENCE, write_file(folder))
    await job.add(_AUDIENCE, [URL, f"{URL}-third"])
    # Fewer than open the breaker.
    for action in _FAULTS:
        vanity = f"{MARK}-{action.replace('_', '-')}"
        await job.post_fault({"match": {"identifier": vanity, "times": 1}, "action": action})
        await job.add(_AUDIENCE, [f"https://www.linkedin.com/in/{vanity}"])
    await job.start(_AUDIENCE)
    await job.done(_AUDIENCE)
    members = await job.members(_AUDIENCE)
    prospect = members[0].prospect
    await job.audiences.prospects.UpdateProspect(
        UpdateProspectRequest(
            prospect=Prospect(name=prospect.name, headline=EDITED),
            update_mask=FieldMask(paths=["headline"]),
        )
    )
    search = ProspectSearch(field="first_name", prefix=NAME)
    await job.audiences.prospects.ListProspects(
        ListProspectsRequest(parent=WORKSPACE, search=search)
    )
    template = f"{{{{firstName}}}} {NAME} {{{{{MARK}}}}}"
    calls: tuple[Awaitable[object], ...] = (
        job.audiences.audiences.CheckReadiness(
            CheckReadinessRequest(audience=_AUDIENCE, template=template)
        ),
        job.audiences.audiences.ListUnreadyMembers(
            ListUnreadyMembersRequest(audience=_AUDIENCE, template=template)
        ),
        job.audiences.audiences.RenderMessages(
            RenderMessagesRequest(parent=WORKSPACE, prospects=[prospect.name], template=template)
        ),
        job.audiences.suppressions.SuppressProspects(
            SuppressProspectsRequest(parent=WORKSPACE, profile_urls=[URL])
        ),
        job.audiences.audiences.AddProspects(
            AddProspectsRequest(audience=_AUDIENCE, profile_urls=[f"https://evil.com/in/{VANITY}"])
        ),
    )
    said = [await _outcome_of(call) for call in calls]
    known = {
        value
        for member in members
        for value in (
            member.prospect.provider_id,
            member.prospect.member_id,
            member.prospect.headline,
        )
    }
    return known - {""}, said


async def _outcome_of(call: Awaitable[object]) -> str:
    try:
        await call
    except RpcFailed as error:
        return f"{error} {error.metadata}"
    return ""


async def _count_audiences(job: Job) -> list[str]:
    """Audience counts with tokens that LinkedIn takes, refuses and fails on."""
    request = GetAudienceCountRequest()
    facet = TargetingFacet(
        facet="urn:li:adTargetingFacet:skills", values=[f"urn:li:skill:{MARK}", "urn:li:skill:1"]
    )
    request.criteria.include.append(TargetingClause(any_of=[facet]))
    said: list[str] = []
    for kind in ("", "expired-", "denied-", "broken-", "throttled-"):
        try:
            await job.audiences.counts.GetAudienceCount(
                request, metadata=(("linkedin-token", f"{kind}{LINKEDIN_TOKEN}"),), timeout=10
            )
        except RpcFailed as error:
            said.append(f"{error} {error.metadata}")
    return said


def _logs(job: Job) -> str:
    """Everything that was logged or printed. The simulator is LinkedIn, which knows everybody."""
    folder = job.stack.data_dir / "logs"
    files = [folder / f"{name}.log" for name in ("enrichment", "audience", "store")]
    files.append(job.stack.data_dir.parent / f"{job.stack.data_dir.name}.stderr")
    return "".join(file.read_text("utf-8", errors="replace") for file in files)


def _event_log(address: str) -> str:
    """The streams as the store holds them, with nothing joined."""
    with redis.Redis.from_url(f"redis://{address}/0") as client:
        return "".join(
            str(client.xrange(key)) for key in client.scan_iter(match="{p*}:log", count=1000)
        )


def _around(text: str, needle: str) -> str:
    at = text.lower().index(needle.lower())
    return text[max(0, at - 150) : at + 100]
