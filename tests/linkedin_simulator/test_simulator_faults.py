"""Each fault, whom it hits, and what the view log says of it."""

import asyncio
import json

import aiohttp
import pytest

from linkedin_simulator.errors import KINDS
from tests.support.simulator_client import SimulatorClient

HEADERS = {"X-API-KEY": "simulator-key"}


def url(client: SimulatorClient, account: str, identifier: str = "ada-lovelace") -> str:
    path = f"/api/v1/users/{identifier}?account_id={account}&linkedin_sections=experience"
    return client.url + path


async def last(client: SimulatorClient, account: str) -> tuple[str | None, int | None, bool]:
    entry = (await client.views(account))[-1]
    return entry["fault"], entry["status"], entry["counted"]


@pytest.mark.parametrize("name", sorted(KINDS))
async def test_every_error_of_the_table(client: SimulatorClient, name: str) -> None:
    account = f"error-{name}"
    await client.fault(account=account, action="error", type=name)
    answer = await client.view("ada", account=account)
    assert answer.status == answer.json["status"] == KINDS[name].status
    assert answer.json["type"] == f"errors/{name}"
    assert "Retry-After" not in answer.headers
    assert await last(client, account) == ("error", answer.status, KINDS[name].counted)


async def test_an_error_outside_the_table_counts_as_a_view(client: SimulatorClient) -> None:
    await client.fault(account="odd", action="error", type="teapot", status=418, retry_after="7")
    answer = await client.view("ada", account="odd")
    assert (answer.status, answer.headers["Retry-After"]) == (418, "7")
    assert await last(client, "odd") == ("error", 418, True)


async def test_throttled_sections_come_as_200(client: SimulatorClient) -> None:
    await client.fault(account="throttle", action="throttle")
    answer = await client.view("ada", account="throttle")
    assert answer.status == 200
    assert answer.json["work_experience"] == []
    assert answer.json["throttled_sections"] == ["experience"]
    assert await last(client, "throttle") == ("throttle", 200, True)


async def test_null_names(client: SimulatorClient) -> None:
    await client.fault(account="null", action="null_names")
    profile = (await client.view("ada-lovelace", account="null")).json
    assert profile["first_name"] is profile["last_name"] is None
    assert profile["network_distance"] == "OUT_OF_NETWORK"
    assert profile["public_identifier"] == "ada-lovelace"


async def test_another_member_comes_back(client: SimulatorClient) -> None:
    asked = (await client.view("ada-lovelace", account="another")).json
    await client.fault(account="another", action="another_member")
    for identifier in ("ada-lovelace", asked["provider_id"]):
        got = (await client.view(identifier, account="another")).json
        for name in ("provider_id", "public_identifier", "member_urn"):
            assert got[name] != asked[name]
    # The log names the person that was asked for.
    assert {view["person"] for view in await client.views("another")} == {asked["provider_id"]}


async def test_not_a_profile(client: SimulatorClient) -> None:
    await client.fault(account="company", action="not_a_profile")
    assert (await client.view("ada", account="company")).json["object"] == "CompanyProfile"


async def test_a_gateway_page(client: SimulatorClient) -> None:
    await client.fault(account="gateway", action="bad_gateway_html")
    answer = await client.view("ada", account="gateway")
    assert answer.status == 502
    assert answer.headers["Content-Type"].startswith("text/html")
    assert await last(client, "gateway") == ("bad_gateway_html", 502, True)


async def test_a_redirect(client: SimulatorClient) -> None:
    await client.fault(account="redirect", action="redirect")
    answer = await client.view("ada", account="redirect")
    assert answer.status == 302
    followed = await client.call("GET", answer.headers["Location"])
    assert followed.json == {"object": "Redirected"}
    assert await last(client, "redirect") == ("redirect", 302, True)


async def test_broken_json(client: SimulatorClient) -> None:
    await client.fault(account="broken", action="broken_json")
    async with client.session.get(url(client, "broken"), headers=HEADERS) as response:
        assert response.status == 200
        with pytest.raises(json.JSONDecodeError):
            await response.json()


async def test_hang_is_logged_before_the_client_gives_up(client: SimulatorClient) -> None:
    await client.fault(account="hang", action="hang")
    timeout = aiohttp.ClientTimeout(total=0.3)
    with pytest.raises(TimeoutError):
        async with client.session.get(url(client, "hang"), headers=HEADERS, timeout=timeout):
            pass
    assert await last(client, "hang") == ("hang", None, True)


async def test_drip(client: SimulatorClient) -> None:
    await client.fault(account="drip", action="drip", interval_ms=1, match_times=1)
    await client.fault(account="drip", action="drip", interval_ms=60_000)
    whole = (await client.view("ada", account="drip")).json
    assert whole["object"] == "UserProfile"
    async with client.session.get(url(client, "drip"), headers=HEADERS) as response:
        assert await response.content.readexactly(1) == b"{"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response.content.readexactly(2), timeout=0.2)
        response.close()
    assert await last(client, "drip") == ("drip", 200, True)


async def test_reset_after_the_full_request(client: SimulatorClient) -> None:
    await client.fault(account="reset", action="reset")
    host, port = client.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET /api/v1/users/ada?account_id=reset HTTP/1.1\r\n"
        b"Host: x\r\nX-API-KEY: simulator-key\r\n\r\n"
    )
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    assert await last(client, "reset") == ("reset", None, True)


async def test_a_huge_body_goes_on_until_the_client_stops(client: SimulatorClient) -> None:
    await client.fault(account="huge", action="huge_body")
    async with client.session.get(url(client, "huge"), headers=HEADERS) as response:
        read = await response.content.readexactly(20_000_000)
        response.close()
    assert read.startswith(b'{"object":"UserProfile","headline":"AAAA')
    assert await last(client, "huge") == ("huge_body", 200, True)


async def test_a_delay_answers_normally(client: SimulatorClient) -> None:
    await client.fault(account="delay", action="delay", delay_ms=300)
    began = asyncio.get_running_loop().time()
    answer = await client.view("ada", account="delay")
    assert asyncio.get_running_loop().time() - began >= 0.29
    assert answer.json["object"] == "UserProfile"


async def test_a_fault_of_a_person_hits_every_identifier(client: SimulatorClient) -> None:
    names = (await client.call("GET", "/_sim/people/katherine-johnson")).json
    rule = {"match": {"identifier": names["sales_id"]}, "action": "bad_gateway_html"}
    fault = (await client.call("POST", "/_sim/faults", json=rule)).json
    for name in (*names.values(), "KATHERINE-johnson"):
        assert (await client.view(name, account="person")).status == 502
    assert (await client.view("ada", account="person")).status == 200
    assert (await client.call("DELETE", f"/_sim/faults/{fault['id']}")).status == 200
    assert (await client.view("katherine-johnson", account="person")).status == 200
    assert (await client.call("DELETE", f"/_sim/faults/{fault['id']}")).status == 404


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({"match_every": 3}, [3, 6, 9]),
        ({"match_times": 2}, [1, 2]),
        ({"match_every": 4, "match_times": 1}, [4]),
        ({"match_probability": 0.0}, []),
        ({"match_probability": 1.0}, list(range(1, 11))),
    ],
)
async def test_how_often(client: SimulatorClient, match: dict[str, object], hit: list[int]) -> None:
    account = f"often-{len(hit)}-{len(match)}"
    fault = await client.fault(account=account, action="bad_gateway_html", **match)
    statuses = [(await client.view("ada", account=account)).status for _ in range(10)]
    assert [n for n, status in enumerate(statuses, start=1) if status == 502] == hit
    listed = (await client.call("GET", "/_sim/faults")).json["items"]
    assert {one["id"]: one["played"] for one in listed}[fault] == len(hit)


async def test_chance_is_drawn_from_a_seed(client: SimulatorClient) -> None:
    draws = []
    for account, seed in (("chance-a", 7), ("chance-b", 7), ("chance-c", 8)):
        await client.fault(
            account=account, action="throttle", match_probability=0.5, match_seed=seed
        )
        asked = [await client.view("ada", account=account) for _ in range(40)]
        draws.append([bool(answer.json["throttled_sections"]) for answer in asked])
    assert draws[0] == draws[1] != draws[2]
    assert 8 <= sum(draws[0]) <= 32


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "explode"},
        {"action": "error"},
        {"action": "error", "type": "unheard_of"},
        {"action": "hang", "match": {"acount_id": "a"}},
        {"action": "error", "type": "too_many_requests", "retry_after": "1\r\nX: y"},
        {"action": "hang", "match": {"every": 0}},
    ],
)
async def test_a_wrong_fault_is_refused(client: SimulatorClient, rule: dict[str, object]) -> None:
    answer = await client.call("POST", "/_sim/faults", json=rule)
    assert answer.status == 400
    assert answer.json["message"]
