"""What a small audience and a big one cost to read, stream, check and combine.

GetAudience, the first page of ListAudienceProspects and of ListUnreadyMembers, the first message of
StreamProspects: the median of many calls, in turns. A whole stream beside a bare server-side cursor
over the same rows.

Run: python -m benchmarks.audience_scale [--members 200000]
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import psycopg
from audience.v1 import audiences_pb2
from sqlalchemy.engine import make_url

from benchmarks.audience_process import (
    LEADS,
    PARENT,
    import_people,
    peak_mib,
    serving,
    write_people,
)
from clients.audience import AudienceClient
from tests.support.postgres import new_database, start_postgres

_CALLS: Final = 200
_FEW: Final = 1_000
_SMALL: Final = f"{PARENT}/audiences/small"

_Read = Callable[[AudienceClient, str], Awaitable[object]]


async def _get(client: AudienceClient, audience: str) -> object:
    return await client.audiences.GetAudience(audiences_pb2.GetAudienceRequest(name=audience))


async def _first_page(client: AudienceClient, audience: str) -> object:
    return await client.audiences.ListAudienceProspects(
        audiences_pb2.ListAudienceProspectsRequest(audience=audience)
    )


async def _first_message(client: AudienceClient, audience: str) -> object:
    call = client.audiences.StreamProspects(
        audiences_pb2.StreamProspectsRequest(audiences=[audience])
    )
    message = await call.read()
    call.cancel()
    return message


async def _unready(client: AudienceClient, audience: str) -> object:
    """Everybody has a company: as many members are looked at as for any page."""
    return await client.audiences.ListUnreadyMembers(
        audiences_pb2.ListUnreadyMembersRequest(audience=audience, template="{{company}}")
    )


_READS: Final[dict[str, _Read]] = {
    "GetAudience": _get,
    "ListAudienceProspects, first page": _first_page,
    "StreamProspects, first message": _first_message,
    "ListUnreadyMembers, first page": _unready,
}


async def _fill_small(client: AudienceClient) -> None:
    await client.audiences.CreateAudience(
        audiences_pb2.CreateAudienceRequest(parent=PARENT, audience_id="small")
    )
    for begin in range(0, _FEW, 500):
        await client.audiences.AddProspects(
            audiences_pb2.AddProspectsRequest(
                audience=_SMALL,
                profile_urls=[f"linkedin.com/in/person-{n:x}" for n in range(begin, begin + 500)],
            )
        )


async def _compare(client: AudienceClient) -> None:
    for name, read in _READS.items():
        times: dict[str, list[float]] = {_SMALL: [], LEADS: []}
        for _ in range(_CALLS):
            for audience, taken in times.items():
                started = time.perf_counter()
                await read(client, audience)
                taken.append(time.perf_counter() - started)
        few, many = (statistics.median(taken) * 1000 for taken in times.values())
        print(f"{name:<36} {few:6.2f} ms, {many:6.2f} ms, ratio {many / few:.2f}", flush=True)


async def _stream(client: AudienceClient) -> float:
    """Read all members; members a second."""
    started, members = time.perf_counter(), 0
    request = audiences_pb2.StreamProspectsRequest(audiences=[LEADS])
    async for message in client.audiences.StreamProspects(request):
        members += len(message.members)
    return members / (time.perf_counter() - started)


def _cursor(database_url: str) -> float:
    """Read the same rows by a server-side cursor; rows a second."""
    url = make_url(database_url)
    with (
        psycopg.connect(
            host=url.host, port=url.port or 5432, user=url.username, dbname=url.database
        ) as connection,
        connection.cursor(name="members") as cursor,
    ):
        cursor.itersize = 500
        started = time.perf_counter()
        cursor.execute(
            "SELECT m.*, p.* FROM memberships m JOIN prospects p ON p.workspace = m.workspace "
            "AND p.id = m.prospect WHERE m.workspace = 'acme' AND m.audience = 'leads' "
            "ORDER BY m.seq"
        )
        rows = sum(1 for _ in cursor)
        return rows / (time.perf_counter() - started)


async def _combine(client: AudienceClient, operation: str) -> float:
    """Combine the big audience and the small one; seconds until it is READY."""
    started = time.perf_counter()
    answer = await client.audiences.CombineAudiences(
        audiences_pb2.CombineAudiencesRequest(
            parent=PARENT,
            sources=[LEADS, _SMALL],
            operation=audiences_pb2.SetOperation.Value(f"SET_OPERATION_{operation}"),
        )
    )
    request = audiences_pb2.GetAudienceRequest(name=answer.audience.name)
    while answer.audience.state == audiences_pb2.AUDIENCE_STATE_BUILDING:
        await asyncio.sleep(0.1)
        answer.audience.CopyFrom((await client.audiences.GetAudience(request)).audience)
    return time.perf_counter() - started


async def _measure(address: str, database_url: str) -> None:
    async with AudienceClient(address, timeout=60.0) as client:
        await _fill_small(client)
        await _compare(client)
        streamed = await _stream(client)
        bare = await asyncio.to_thread(_cursor, database_url)
        print(
            f"{'StreamProspects, all members':<36} {streamed:,.0f}/s, "
            f"bare cursor {bare:,.0f}/s, ratio {streamed / bare:.2f}",
            flush=True,
        )
        started = time.perf_counter()
        await client.audiences.CheckReadiness(
            audiences_pb2.CheckReadinessRequest(audience=LEADS, template="{{company}} {{title}}")
        )
        print(
            f"{'CheckReadiness, all members':<36} {time.perf_counter() - started:.1f} s", flush=True
        )
        for operation in ("UNION", "INTERSECTION", "DIFFERENCE"):
            seconds = await _combine(client, operation)
            print(f"{'CombineAudiences, ' + operation.lower():<36} {seconds:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=200_000)
    members: int = parser.parse_args().members
    server = start_postgres()
    try:
        database_url = new_database(server)
        with tempfile.TemporaryDirectory() as folder, serving(database_url) as service:
            file = Path(folder) / "Connections.csv"
            write_people(file, rows=members)
            import_people(service.address, file)
            asyncio.run(_measure(service.address, database_url))
            print(f"{'memory of the service':<36} {peak_mib(service.pid):,.0f} MiB")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
