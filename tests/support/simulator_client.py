"""The few calls that the tests make to a simulator."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from tests.support.simulator_process import KEY

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status, headers and the decoded body of an answer."""

    status: int
    headers: dict[str, str]
    json: Json


def lasting(profile: Json) -> Json:
    """The profile without its picture URLs, whose expiry moves with every second."""
    return {name: value for name, value in profile.items() if "picture" not in name}


@dataclass(frozen=True, kw_only=True)
class SimulatorClient:
    """Calls one simulator over HTTP."""

    url: str
    session: aiohttp.ClientSession

    async def view(
        self, identifier: str, *, account: str, sections: str | None = "experience", key: str = KEY
    ) -> Answer:
        """Ask for a profile."""
        path = f"/api/v1/users/{quote(identifier, safe='')}?notify=false"
        path += f"&account_id={account}" if account else ""
        path += f"&linkedin_sections={sections}" if sections else ""
        return await self.call("GET", path, headers={"X-API-KEY": key})

    async def views(self, account: str) -> list[Json]:
        """The log of an account's views."""
        answer = await self.call("GET", f"/_sim/views?account_id={account}")
        views: list[Json] = answer.json["views"]
        return views

    async def fault(self, *, account: str, action: str, **fields: object) -> str:
        """Put a fault on an account; its id. `match_…` fields are further conditions."""
        match = {k[6:]: v for k, v in fields.items() if k.startswith("match_")}
        rest = {k: v for k, v in fields.items() if not k.startswith("match_")}
        rule = {"match": {"account_id": account, **match}, "action": action, **rest}
        answer = await self.call("POST", "/_sim/faults", json=rule)
        assert answer.status == 200, answer.json
        return str(answer.json["id"])

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Any call; the path is sent as it stands, and redirects are not followed."""
        async with self.session.request(
            method,
            URL(self.url + path, encoded=True),
            json=json,
            data=data,
            headers=headers,
            allow_redirects=False,
        ) as response:
            body = await response.json() if response.content_type == "application/json" else {}
            return Answer(
                status=response.status,
                headers=dict(response.headers),
                json=body if isinstance(body, dict) else {"items": body},
            )
