"""The log of profile views: the ground truth that tests compare the system with."""

import time
from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

from linkedin_simulator.journal import Journal, JsonObject
from servicekit.clock import Clock

_DAY_MS = 86_400_000


class ViewLog:
    """Every profile request, numbered from 1, with whether it counted as a view of the account."""

    def __init__(self, *, path: Path, clock: Clock) -> None:
        """Open the log and rebuild its index from the file."""
        self._clock = clock
        self._of_account: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))
        self._counted: Counter[tuple[str, int]] = Counter()
        self._fired: Counter[str] = Counter()
        self._journal = Journal(path=path, replay=self._index)

    @property
    def fired(self) -> Counter[str]:
        """How often each fault (by its id) was played, over the whole log."""
        return self._fired

    def record(
        self,
        *,
        account_id: str,
        identifier: str,
        person: str | None,
        status: int | None,
        counted: bool,
        fault: str | None = None,
        fault_id: str | None = None,
    ) -> None:
        """Write one request down; call it before the first byte of the answer is sent.

        Args:
            account_id: the viewing account, as asked.
            identifier: the person, as asked (percent-decoded).
            person: the provider id of the person, or None when nobody is meant.
            status: the HTTP status of the answer; None when there will be no answer.
            counted: whether LinkedIn counts it as a view (domain: column "charged").
            fault: the action of the fault that was played, if any.
            fault_id: the id of that fault.
        """
        entry: JsonObject = {
            "n": len(self._journal) + 1,
            "account_id": account_id,
            "identifier": identifier,
            "person": person,
            "time_ms": self._clock.now_ms(),
            "real_ms": time.time_ns() // 1_000_000,
            "status": status,
            "counted": counted,
            "fault": fault,
            "fault_id": fault_id,
        }
        self._journal.append(entry)
        self._index(entry)

    def page(self, *, account_id: str | None, after: int, limit: int) -> list[JsonObject]:
        """At most `limit` entries numbered above `after`, oldest first, of one account or all."""
        if account_id is None:
            return self._journal.read(range(after + 1, min(after + limit, len(self._journal)) + 1))
        numbers = self._of_account.get(account_id, array("q"))
        # The numbers of an account only grow, so the first one above `after` is found by halving.
        first = bisect_right(numbers, after)
        return self._journal.read(numbers[first : first + limit])

    def summary(self) -> dict[str, dict[str, int]]:
        """Counted views by account and UTC day (`YYYY-MM-DD`)."""
        days: dict[str, dict[str, int]] = {}
        for (account_id, day), count in self._counted.items():
            date = datetime.fromtimestamp(day * _DAY_MS / 1000, tz=UTC).date().isoformat()
            days.setdefault(account_id, {})[date] = count
        return days

    def __len__(self) -> int:
        """How many requests were logged, which is also the number of the last one."""
        return len(self._journal)

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def _index(self, entry: JsonObject) -> None:
        match entry:
            case {"n": int(n), "account_id": str(account), "time_ms": int(now), "counted": counted}:
                self._of_account[account].append(n)
                if counted:
                    self._counted[account, now // _DAY_MS] += 1
                if isinstance(fault_id := entry.get("fault_id"), str):
                    self._fired[fault_id] += 1
            case _:
                raise ValueError("the view log holds a line that is no view: move the file away")
