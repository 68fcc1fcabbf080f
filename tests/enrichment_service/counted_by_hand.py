"""What the scripts count about a partition, counted by a look at every key instead."""

from collections import Counter

# redis-py types what it answers as anything that any command may answer.
from typing import Any

from enrichment_service.model import Strategy
from enrichment_service.policy.caps import daily_cap
from tests.support.enrichment_store import DAY_MS


def counted_by_hand(client: Any, tag: str, answer: Any) -> dict[str, Any]:
    """`answer`, from describe_partition, with the counts as they ought to be."""
    day = int(answer["now"]) // DAY_MS
    accounts = [
        fields
        for key in client.scan_iter(match=f"{tag}account:*")
        if "strategy" in (fields := _hash(client, key))
    ]
    ramps: dict[str, dict[str, int]] = {}
    for each in accounts:
        row = ramps.setdefault(each["strategy"], {"accounts": 0, "cap": 0})
        row["accounts"] += 1
        start = int(each["ramp_start"])
        row["cap"] += daily_cap(Strategy(each["strategy"]), ramp_start_day=start, day=day)
    spent: Counter[str] = Counter()
    for key in client.scan_iter(match=f"{tag}budget:*:{day}"):
        usage = _hash(client, key)
        spent.update({name[2:]: int(n) for name, n in usage.items() if name.startswith("c:")})
    due = [score for _, score in client.zrange(f"{tag}due", 0, -1, withscores=True)]
    late = [int(answer["now"] - score) for score in due if score <= answer["now"]]
    log = client.xrange(f"{tag}log")
    paused = Counter(each["pause_reason"] for each in accounts if "pause_reason" in each)
    tally = {name: n for name, n in answer["tally"].items() if not name.startswith("paused:")}
    zeros = {name: n for name, n in answer["tally"].items() if n == "0"}
    return {
        **answer,
        "tally": zeros | tally | {f"paused:{reason}": str(n) for reason, n in paused.items()},
        "ramps": ramps,
        "spent": {purpose: str(n) for purpose, n in spent.items()},
        "due": len(late),
        "late_ms": max(late, default=0),
        "working": client.zcard(f"{tag}leases"),
        "log": {
            **answer["log"],
            "length": len(log),
            "age_ms": max(0, answer["now"] - int(log[0][0].split(b"-")[0])) if log else 0,
        },
    }


def _hash(client: Any, key: bytes) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in client.hgetall(key).items()}
