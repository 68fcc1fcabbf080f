"""Work that nobody would ever come to: pending, and yet nothing in the store leads to it.

An account is worked because it is in `due`. What is pending without that, without a worker's lease
and without a pause that waits for a person hangs in silence.
"""

import re

import redis

from tests.support.key_leaks import text

_ACCOUNT = re.compile(r"^(?P<tag>\{p\d+\}:)account:(?P<name>.+)$")
_ENRICHMENT = re.compile(r"^(?P<tag>\{p\d+\}:)enrichment:(?P<name>.+)$")


def stranded_work(url: str) -> list[str]:
    """What is stranded in the store at `url`, one line each; empty when all is as it must be.

    The reads are several commands: whoever asks while an engine works asks again.
    """
    with redis.Redis.from_url(url) as client:
        keys = sorted(text(key) for key in client.scan_iter(count=1000))
        found: list[str] = []
        for key in keys:
            if match := _ACCOUNT.match(key):
                found += _Partition(client, match["tag"]).of_account(match["name"])
            elif match := _ENRICHMENT.match(key):
                found += _Partition(client, match["tag"]).of_enrichment(match["name"])
        return found


class _Partition:
    """The keys of one partition; `tag` is what their names begin with."""

    def __init__(self, client: "redis.Redis", tag: str) -> None:
        self._client = client
        self._tag = tag

    def of_account(self, account: str) -> list[str]:
        """An account that has something to do is due, leased, or waits for a person."""
        fields = self._hash(f"account:{account}")
        has_work = self._client.exists(
            f"{self._tag}ring:{account}", f"{self._tag}retries:{account}"
        )
        waits = "pause_reason" in fields and "pause_until" not in fields
        if not has_work or waits or self._is_in("leases", account) or self._is_in("due", account):
            return []
        return [f"account {account}: has work and is not due"]

    def of_enrichment(self, enrichment: str) -> list[str]:
        """Whatever is pending in an enrichment can be reached from its account."""
        fields = self._hash(f"enrichment:{enrichment}")
        if "cancelled" in fields:
            return []
        account = fields["account"]
        in_flight = self._hash(f"account:{account}").get("in_flight", "")
        ring = self._list(f"ring:{account}")
        queue = set(self._list(f"queue:{enrichment}"))
        found: list[str] = []
        pending = 0
        for bucket in self._client.zrangebylex(f"{self._tag}buckets:{enrichment}", "-", "+"):
            for profile, packed in self._hash(f"states:{enrichment}:{text(bucket)}").items():
                state = packed[0]
                pending += state in "qrv"
                reached = {
                    "q": profile in queue and (enrichment in ring or "paused_at" in fields),
                    "r": self._is_in(f"retries:{account}", f"{enrichment}|{profile}"),
                    "v": in_flight.startswith(f"{enrichment}|{profile}|")
                    and self._is_in("leases", account),
                }.get(state, True)
                if not reached:
                    found.append(f"enrichment {enrichment}: {profile} is stranded in {state}")
        if pending != int(fields.get("pending", "0")):
            found.append(
                f"enrichment {enrichment}: {pending} pending, {fields.get('pending')} told"
            )
        return found

    def _hash(self, name: str) -> dict[str, str]:
        fields = self._client.hgetall(self._tag + name)
        return {text(field): text(value) for field, value in fields.items()}

    def _list(self, name: str) -> list[str]:
        return [text(item) for item in self._client.lrange(self._tag + name, 0, -1)]

    def _is_in(self, name: str, member: str) -> bool:
        return self._client.zscore(self._tag + name, member) is not None
