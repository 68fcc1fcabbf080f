"""The state of ticks, as the store has written it down and as the model has it: to be compared."""

from typing import Any

import redis

from tests.enrichment_service.model_ticks import TickModel
from tests.support.key_leaks import text

_FAILURES = {"NOT_FOUND": "1", "NOT_ACCESSIBLE": "2", "ATTEMPTS_EXHAUSTED": "3"}
_ACCOUNT = [
    "pause_reason",
    "pause_since",
    "pause_until",
    "limit_until",
    "tick_at",
    "tick_views",
    "interrupted",
    "probing",
    "in_flight",
    "fence",
]


def stored_state(client: "redis.Redis", tag: str, model: TickModel) -> dict[str, Any]:
    """What the keys say of the model's accounts and enrichments."""
    pipeline = client.pipeline(transaction=False)
    pipeline.zrange(tag + "due", 0, -1, withscores=True)
    pipeline.zrange(tag + "leases", 0, -1)
    for a in model.accounts:
        pipeline.hgetall(f"{tag}account:{a}")
        pipeline.lrange(f"{tag}ring:{a}", 0, -1)
        pipeline.zrange(f"{tag}retries:{a}", 0, -1, withscores=True)
    for e in model.enrichments:
        pipeline.hgetall(f"{tag}enrichment:{e}")
        pipeline.lrange(f"{tag}queue:{e}", 0, -1)
        # Ids of profiles that begin alike are in one bucket.
        pipeline.hgetall(f"{tag}states:{e}:fresh00")
    answers = iter(pipeline.execute())
    state: dict[str, Any] = {"due": _scores(next(answers)), "leases": sorted(_texts(next(answers)))}
    for a in model.accounts:
        fields = _fields(next(answers))
        settings = {name: fields[name] for name in _ACCOUNT if fields.get(name, "0") != "0"}
        counts = fields.get("errors", "0"), fields.get("errors_day")
        errors = int(counts[0]) if counts[1] == str(model.accounts[a].budget.day) else 0
        state[a] = settings, errors, _texts(next(answers)), _scores(next(answers))
    for e in model.enrichments:
        fields = _fields(next(answers))
        names = [
            "total",
            "pending",
            "enriched",
            "cached",
            "partial",
            "failed",
            "withdrawn",
            "erased",
        ]
        progress = {name: int(fields.get(name, "0")) for name in names}
        flags = "paused_at" in fields, "ringed" in fields
        state[e] = progress, flags, _texts(next(answers)), _fields(next(answers))
    return state


def model_state(model: TickModel) -> dict[str, Any]:
    """The same of the model."""
    state: dict[str, Any] = {"due": model.due, "leases": sorted(model.leases)}
    for a, account in model.accounts.items():
        values = {name: getattr(account, name) for name in _ACCOUNT}
        values["in_flight"] = "|".join(account.in_flight or ())
        settings = {
            name: str(int(value) if isinstance(value, bool) else value)
            for name, value in values.items()
            if value
        }
        retries = {f"{e}|{p}": at for (e, p), at in account.retries.items()}
        state[a] = settings, model.errors_of(a), account.ring, retries
    for e, enrichment in model.enrichments.items():
        places = {
            p: f"{place.state}{_FAILURES.get(place.failure, '')}:{place.attempts}:{place.partials}"
            f":{place.revision}:{place.reference}"
            for p, place in enrichment.places.items()
        }
        flags = enrichment.paused, e in model.accounts[enrichment.account].ring
        state[e] = enrichment.progress(), flags, enrichment.queue, places
    return state


def _texts(items: list[bytes]) -> list[str]:
    return [text(item) for item in items]


def _scores(items: list[tuple[bytes, float]]) -> dict[str, int]:
    return {text(name): int(score) for name, score in items}


def _fields(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {text(name): text(value) for name, value in fields.items()}
