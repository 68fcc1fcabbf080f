"""The connected-account API while nothing goes wrong, and the states of accounts."""

from pathlib import Path

import aiohttp
import pytest

from tests.support.simulator_client import Json, SimulatorClient
from tests.support.simulator_process import SimulatorProcess

FIELDS = {
    "object": str,
    "provider": str,
    "provider_id": str,
    "public_identifier": str,
    "member_urn": str,
    "first_name": str,
    "last_name": str,
    "headline": str,
    "location": str,
    "profile_picture_url": str,
    "profile_picture_url_large": str,
    "is_relationship": bool,
    "network_distance": str,
    "public_profile_url": str,
    "shared_connections_count": int,
    "work_experience": list,
    "throttled_sections": list,
}


def error_of(name: str, *, status: int) -> Json:
    title = name.replace("_", " ").capitalize()
    return {
        "status": status,
        "type": f"errors/{name}",
        "title": title,
        "detail": f"{title}: simulated answer of the provider.",
    }


async def test_a_profile_has_the_documented_shape(client: SimulatorClient) -> None:
    answer = await client.view("Ada-Lovelace", account="shape")
    profile = answer.json
    assert answer.status == 200
    assert {name: type(value) for name, value in profile.items()} == FIELDS
    assert profile["public_identifier"] == "ada-lovelace"
    assert (profile["first_name"], profile["last_name"]) == ("Ada", "Lovelace")
    assert profile["is_relationship"] == (profile["network_distance"] == "FIRST_DEGREE")
    assert profile["throttled_sections"] == []
    assert len(profile["provider_id"]) == 39
    assert profile["member_urn"].isdecimal()
    for job in profile["work_experience"]:
        assert set(job) == {"position", "company", "company_id", "location", "start", "end"}
        assert len(job["start"].split("/")) == 3


async def test_jobs_end_and_go_on(client: SimulatorClient) -> None:
    people = [(await client.view(f"job-{n:x}x", account="j")).json for n in range(200)]
    ends = [[job["end"] for job in one["work_experience"]] for one in people]
    assert any(end[0] is None and len(end) > 1 for end in ends)
    assert any(None not in end for end in ends)
    assert all(None not in end[1:] for end in ends)


async def test_the_job_is_hidden_unless_it_is_asked_for(client: SimulatorClient) -> None:
    assert "work_experience" not in (await client.view("ada", account="h", sections=None)).json
    several = await client.view("ada", account="h", sections="education,experience")
    assert several.json["work_experience"]


async def test_what_depends_on_the_viewer_and_what_does_not(client: SimulatorClient) -> None:
    relative = {"network_distance", "is_relationship", "shared_connections_count"}
    seen = [(await client.view("ada-lovelace", account=f"viewer-{n}")).json for n in range(20)]
    repeated = (await client.view("ada-lovelace", account="viewer-0")).json
    moving = relative | {"profile_picture_url", "profile_picture_url_large"}
    assert {len({str(one[name]) for one in seen}) > 1 for name in relative} == {True}
    assert all(repeated[name] == seen[0][name] for name in relative)
    for name in set(FIELDS) - moving:
        assert len({str(one[name]) for one in seen}) == 1


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("unavailable", "resource_not_found"),
        ("acoaa" + "x" * 34, "resource_not_found"),
        ("https://www.linkedin.com/in/ada", "invalid_resource_identifier"),
        ("123456789", "invalid_resource_identifier"),
    ],
)
async def test_nobody_there_is_a_counted_404(
    client: SimulatorClient, identifier: str, name: str
) -> None:
    answer = await client.view(identifier, account="gone")
    assert (answer.status, answer.json) == (404, error_of(name, status=404))
    entry = (await client.views("gone"))[-1]
    assert (entry["identifier"], entry["person"], entry["counted"]) == (identifier, None, True)


async def test_key_and_account_are_checked_first(client: SimulatorClient) -> None:
    answer = await client.view("ada", account="keyless", key="wrong")
    assert (answer.status, answer.json) == (401, error_of("missing_credentials", status=401))
    assert [view["counted"] for view in await client.views("keyless")] == [False]
    answer = await client.view("ada", account="")
    assert (answer.status, answer.json) == (400, error_of("invalid_parameters", status=400))


@pytest.mark.parametrize(
    ("state", "name", "status", "counted"),
    [
        ({"status": "CREDENTIALS"}, "expired_credentials", 401, False),
        ({"status": "STOPPED"}, "disconnected_account", 401, False),
        ({"status": "ERROR"}, "checkpoint_error", 401, False),
        ({"status": "PERMISSIONS"}, "disconnected_feature", 401, False),
        ({"status": "CONNECTING"}, "disconnected_account", 401, False),
        ({"status": "OK", "error": "account_restricted"}, "account_restricted", 403, True),
        ({"status": "OK", "error": "captcha_not_supported"}, "captcha_not_supported", 401, False),
    ],
)
async def test_an_account_answers_by_its_state(
    client: SimulatorClient, state: Json, name: str, status: int, counted: bool
) -> None:
    account = f"state-{name}-{state['status']}"
    assert (await client.view("ada", account=account)).status == 200
    await client.call("POST", "/_sim/accounts", json=[{"id": account, **state}])
    answer = await client.view("ada", account=account)
    assert (answer.status, answer.json) == (status, error_of(name, status=status))
    shown = await client.call(
        "GET", f"/api/v1/accounts/{account}", headers={"X-API-KEY": "simulator-key"}
    )
    assert shown.json["sources"] == [{"id": f"{account}_MESSAGING", "status": state["status"]}]
    await client.call("POST", "/_sim/accounts", json=[{"id": account, "status": "OK"}])
    assert (await client.view("ada", account=account)).status == 200
    assert [view["counted"] for view in await client.views(account)] == [True, counted, True]


async def test_an_account_needs_a_key_and_a_known_error(client: SimulatorClient) -> None:
    assert (await client.call("GET", "/api/v1/accounts/a")).status == 401
    wrong = [{"id": "a", "error": "no_such_error"}]
    assert (await client.call("POST", "/_sim/accounts", json=wrong)).status == 400


async def test_only_posted_accounts_exist_if_so_set(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with SimulatorProcess(tmp_path, any_account="false") as process:
        client = SimulatorClient(url=process.url, session=session)
        answer = await client.view("ada", account="a")
        assert (answer.status, answer.json) == (422, error_of("invalid_account", status=422))
        key = {"X-API-KEY": "simulator-key"}
        assert (await client.call("GET", "/api/v1/accounts/a", headers=key)).status == 404
        await client.call("POST", "/_sim/accounts", json=[{"id": "a"}])
        assert (await client.view("ada", account="a")).status == 200


async def test_some_people_are_awkward_but_always_have_an_id(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with SimulatorProcess(tmp_path, null_share="1", private_share="0.5") as process:
        client = SimulatorClient(url=process.url, session=session)
        seen = [(await client.view(f"awkward-{n}", account="a")).json for n in range(150)]
        by_id = [(await client.view(one["provider_id"], account="a")).json for one in seen[:50]]
    null = {name for one in seen for name, value in one.items() if value is None}
    assert null == set(FIELDS) - {
        "object",
        "provider",
        "provider_id",
        "public_identifier",
        "throttled_sections",
    }
    assert any(one["public_identifier"] is None for one in by_id)
    private = [one for one in seen if one["first_name"] is None]
    assert 40 < len(private) < 110
    assert {one["network_distance"] for one in private} <= {"OUT_OF_NETWORK", None}
