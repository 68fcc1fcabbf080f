"""Every key of the enrichment store has a TTL, or is one of those that may live without."""

import redis

_FOR_EVER = {
    *("header", "accounts", "permits", "due", "leases", "ring", "retries", "enrichments"),
    *("enrichment", "queue", "states", "buckets", "log", "tombstone", "sweeps"),
}


def leaked_keys(client: "redis.Redis") -> list[str]:
    """Keys that nothing will ever remove."""
    return [
        name
        for key in client.scan_iter(count=1000)
        if client.ttl(key) == -1 and not _may_stay(client, name := text(key))
    ]


def text(value: bytes | str) -> str:
    """What the server answered, as text."""
    return value.decode() if isinstance(value, bytes) else value


def dump(client: "redis.Redis") -> dict[bytes, tuple[bytes | None, int]]:
    """The whole keyspace: each key's value, serialised, and when it expires."""
    return {key: (client.dump(key), client.pexpiretime(key)) for key in client.scan_iter()}


def _may_stay(client: "redis.Redis", name: str) -> bool:
    tag, kind, rest = (*name.split(":", 2), "")[:3]
    match kind:
        case "account":
            return bool(client.hexists(name, "strategy"))
        case "claim":
            return not client.hexists(name, "released_day")
        case "reservation":
            return client.hget(name, "state") == b"open"
        case "profile":
            return int(client.hget(name, "waiting") or 0) > 0
        case "alias":
            workspace = rest.split("/")[0]
            profile = text(client.get(name) or b"")
            return _may_stay(client, f"{tag}:profile:{workspace}/{profile}")
    return kind in _FOR_EVER
