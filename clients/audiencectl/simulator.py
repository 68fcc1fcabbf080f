"""The simulated LinkedIn as the demo uses it: tell it who is who, and read its log of views."""

import asyncio
import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypedDict

_PAGE = 10_000
_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class View:
    """One profile request, as the simulator saw it.

    Attributes:
        account: the provider's id of the viewing account.
        person: None when nobody was meant.
        time: when, by the stack's clock.
        status: of the answer; None when there was none.
        counted: whether LinkedIn counts it as a view.
    """

    account: str
    person: str | None
    time: datetime
    status: int | None
    counted: bool

    @property
    def day(self) -> date:
        """UTC day."""
        return self.time.date()


class _Entry(TypedDict):
    account_id: str
    person: str | None
    time_ms: int
    status: int | None
    counted: bool


class _Page(TypedDict):
    views: list[_Entry]
    last: int


class Simulator:
    """The simulator at ``address`` (host:port)."""

    def __init__(self, address: str, *, key: str) -> None:
        self._url = f"http://{address}"
        self._key = key

    async def declare(self, people: Sequence[dict[str, str]]) -> None:
        """Make identifiers one person each: vanity, provider_id, sales_id."""
        await self._call("/_sim/people", body=json.dumps(people).encode())

    async def views(self) -> list[View]:
        """The whole log, oldest first."""
        found: list[View] = []
        while True:
            answer = await self._call(f"/_sim/views?after={len(found)}&limit={_PAGE}")
            page: _Page = json.loads(answer)
            found += [_view(entry) for entry in page["views"]]
            if len(found) >= page["last"]:
                return found

    async def gives_names(self, person: str) -> bool:
        """Whether the person's profile comes with a name, which LinkedIn hides of some.

        Looked at with an account that no enrichment uses.
        """
        answer = await self._call(f"/api/v1/users/{person}?account_id=demo-check")
        profile: dict[str, object] = json.loads(answer)
        return bool(profile["first_name"])

    async def _call(self, path: str, *, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(
            self._url + path, data=body, headers={"X-API-KEY": self._key}
        )

        def send() -> bytes:
            with urllib.request.urlopen(request, timeout=_SECONDS) as response:
                answer: bytes = response.read()
                return answer

        return await asyncio.to_thread(send)


def _view(entry: _Entry) -> View:
    return View(
        account=entry["account_id"],
        person=entry["person"],
        time=datetime.fromtimestamp(entry["time_ms"] / 1000, tz=UTC),
        status=entry["status"],
        counted=entry["counted"],
    )
