"""Every key of the enrichment store has a TTL, or is one of those that may live without."""

import re
from functools import cache
from importlib import resources

import redis

_NAME = re.compile(r"self\.tag \.\. '(\w+).* -- \*$", re.MULTILINE)


def leaked_keys(client: "redis.Redis") -> list[str]:
    """Keys that nothing will ever remove."""
    return [
        name
        for key in client.scan_iter(count=1000)
        if client.ttl(key) == -1 and not _may_stay(client, name := text(key))
    ]


def dump(client: "redis.Redis") -> dict[bytes | str, tuple[object, object]]:
    """The whole keyspace: each key's value, serialised, and when it expires."""
    return {key: (client.dump(key), client.pexpiretime(key)) for key in client.scan_iter()}


def text(value: bytes | str) -> str:
    """What the server answered, as text."""
    return value.decode() if isinstance(value, bytes) else value


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
    return kind in _listed()


@cache
def _listed() -> frozenset[str]:
    """The kinds of keys that the scripts' own list marks as having no TTL."""
    script = resources.files("enrichment_service") / "scripts" / "_library.lua"
    return frozenset(_NAME.findall(script.read_text("utf-8")))
