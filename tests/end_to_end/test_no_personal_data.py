"""No personal data in logs, nor in the event log itself; not even on the way to an error."""

import asyncio
import csv
from urllib.parse import quote, unquote

import grpc
import pytest
import redis
from audience.v1.audiences_pb2 import AddProspectsRequest
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_VETERAN

from clients.errors import RpcFailed
from tests.end_to_end.job import SAMPLES, Job

CANARY = "canary-person-1a2b3c"


async def test_nobody_is_named_in_logs_or_in_the_event_log(job: Job) -> None:
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    audience = await job.audience("leads", account="vera")
    await job.import_sample(audience, SAMPLES / "sales_navigator_export.csv")
    # Somebody in a request that is refused: his name must not come back, nor stay in a log.
    with pytest.raises(RpcFailed) as refused:
        await job.audiences.audiences.AddProspects(
            AddProspectsRequest(audience=audience, profile_urls=[f"https://evil.com/in/{CANARY}"])
        )
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert CANARY not in str(refused.value)
    await job.start(audience)
    await job.done(audience)

    with (SAMPLES / "sales_navigator_export.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    vanities = {
        row["defaultProfileUrl"].rpartition("/")[2] for row in rows if row["defaultProfileUrl"]
    }
    ids = {row["vmid"] for row in rows}
    names = {row["fullName"] for row in rows if " " in row["fullName"]}
    needles = {CANARY, *vanities, *map(unquote, vanities), *map(quote, names), *names, *ids}
    seen = {member.prospect.provider_id for member in await job.members(audience)} - {""}
    needles |= seen
    assert len(needles) > 1000

    logs = await asyncio.to_thread(_logs, job)
    entries = await asyncio.to_thread(_event_log, job)
    assert "call" in logs
    assert "PROFILE_ENRICHED" in entries
    assert [needle for needle in needles if needle in logs] == []
    assert [needle for needle in needles if needle in entries] == []


def _logs(job: Job) -> str:
    """What the services logged. The simulator is LinkedIn, which knows everybody."""
    folder = job.stack.data_dir / "logs"
    return "".join(
        (folder / f"{name}.log").read_text("utf-8", errors="replace")
        for name in ("enrichment", "audience", "store")
    )


def _event_log(job: Job) -> str:
    """The streams as the store holds them, with nothing joined."""
    with redis.Redis.from_url(f"redis://{job.stack.store}/0") as client:
        return "".join(
            str(client.xrange(key)) for key in client.scan_iter(match="{p*}:log", count=1000)
        )
