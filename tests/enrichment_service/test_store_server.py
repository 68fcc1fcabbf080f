"""The fixture itself: a server that keeps what it acknowledged and leaves nothing running."""

import redis

from enrichment_service.ports import PARTITIONS
from enrichment_service.store.store import Store
from tests.support.valkey import Valkey


async def test_acknowledged_writes_survive_kill_9(empty_valkey: Valkey) -> None:
    with redis.Redis.from_url(empty_valkey.url) as client:
        client.set("written", "before")
    empty_valkey.kill9()
    empty_valkey.restart()
    with redis.Redis.from_url(empty_valkey.url) as client:
        assert client.get("written") == b"before"


async def test_a_store_has_all_its_headers(store: Store, valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        assert sorted(client.keys()) == sorted(
            f"{{p{partition:02d}}}:header".encode() for partition in range(PARTITIONS)
        )
    assert len({store.epoch(partition) for partition in range(PARTITIONS)}) == PARTITIONS
