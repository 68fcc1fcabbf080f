"""Audience counts over HTTP: headers, tokens, limits, tunnelling and the log of calls."""

import pytest
from yarl import URL

from tests.support.simulator_client import Answer, SimulatorClient

SAMPLE = (
    "(include:(and:List((or:(urn%3Ali%3AadTargetingFacet%3Alocations:List(urn%3Ali%3A"
    "countryGroup%3ANA))),(or:(urn%3Ali%3AadTargetingFacet%3Askills:List(urn%3Ali%3Askill%3A17))))))"
)
QUERY = f"q=targetingCriteriaV2&targetingCriteria={SAMPLE}"
COUNTED = {
    "elements": [{"active": 0, "total": 25312600}],
    "paging": {"count": 10, "links": [], "start": 0},
}
PATH = "/rest/audienceCounts"


def headers(**changed: str) -> dict[str, str]:
    every = {
        "Authorization": "Bearer token",
        "LinkedIn-Version": "202607",
        "X-Restli-Protocol-Version": "2.0.0",
    }
    every.update((name.replace("_", "-"), value) for name, value in changed.items())
    return {name: value for name, value in every.items() if value}


def long_query(length: int) -> str:
    skills = ",".join(f"urn%3Ali%3Askill%3A{n}" for n in range(17, 17 + length // 20))
    return QUERY.replace("urn%3Ali%3Askill%3A17", skills)


async def tunnelled(client: SimulatorClient, query: str, **changed: str) -> Answer:
    sent = headers(
        **{
            "X_HTTP_Method_Override": "GET",
            "Content_Type": "application/x-www-form-urlencoded",
            **changed,
        }
    )
    return await client.call("POST", PATH, data=query.encode(), headers=sent)


@pytest.mark.parametrize("path", [PATH, "/v2/audienceCountsV2"])
async def test_the_seed_sample(client: SimulatorClient, path: str) -> None:
    answer = await client.call("GET", f"{path}?{QUERY}", headers=headers())
    assert (answer.status, answer.json) == (200, COUNTED)
    assert answer.headers["x-li-uuid"]
    assert answer.headers["x-li-request-id"]


@pytest.mark.parametrize(
    ("changed", "status", "fields"),
    [
        ({"Authorization": ""}, 401, {"message": "Empty oauth2_access_token"}),
        ({"Authorization": "Basic abc"}, 401, {"message": "Empty oauth2_access_token"}),
        ({"LinkedIn_Version": ""}, 400, {"code": "VERSION_MISSING"}),
        ({"LinkedIn_Version": "202507"}, 426, {"code": "NONEXISTENT_VERSION"}),
        ({"LinkedIn_Version": "202608"}, 426, {"code": "NONEXISTENT_VERSION"}),
        ({"LinkedIn_Version": "202600"}, 426, {"code": "NONEXISTENT_VERSION"}),
        ({"LinkedIn_Version": "latest"}, 426, {"code": "NONEXISTENT_VERSION"}),
        ({"LinkedIn_Version": "202508"}, 200, {}),
        ({"X_Restli_Protocol_Version": ""}, 400, {}),
        ({"X_Restli_Protocol_Version": "1.0.0"}, 400, {}),
        ({"Authorization": "Bearer invalid"}, 401, {"serviceErrorCode": 65600}),
        ({"Authorization": "Bearer revoked"}, 401, {"serviceErrorCode": 65601}),
        ({"Authorization": "Bearer expired"}, 401, {"serviceErrorCode": 65602}),
        ({"Authorization": "Bearer expired-2"}, 401, {"serviceErrorCode": 65602}),
        ({"Authorization": "Bearer restricted"}, 401, {"serviceErrorCode": 65608}),
        ({"Authorization": "Bearer denied"}, 403, {"code": "ACCESS_DENIED"}),
        (
            {"Authorization": "Bearer throttled"},
            429,
            {
                "message": "Resource level throttle APPLICATION DAY limit for calls to this "
                "resource is reached."
            },
        ),
        ({"Authorization": "Bearer broken"}, 500, {"message": "Internal Server Error"}),
    ],
)
async def test_headers_and_tokens(
    client: SimulatorClient, changed: dict[str, str], status: int, fields: dict[str, object]
) -> None:
    answer = await client.call("GET", f"{PATH}?{QUERY}", headers=headers(**changed))
    assert answer.status == status
    assert answer.json.items() >= fields.items()
    assert answer.json.get("status", 200) == status
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "Invalid query parameters passed to request"),
        (f"targetingCriteria={SAMPLE}", "Invalid query parameters passed to request"),
        ("q=targetingCriteriaV2", "Invalid query parameters passed to request"),
        (
            "q=targetingCriteriaV2&targetingCriteria=(include:())",
            "Parameter 'targetingCriteria' is invalid",
        ),
        (
            QUERY.replace("%3A", "%253A"),
            "TargetingPartialComputationException: Failed to fully deserialize expression",
        ),
    ],
)
async def test_wrong_criteria(client: SimulatorClient, query: str, message: str) -> None:
    answer = await client.call("GET", f"{PATH}?{query}", headers=headers())
    assert (answer.status, answer.json) == (400, {"message": message, "status": 400})


async def test_a_client_that_encodes_twice_is_refused(client: SimulatorClient) -> None:
    url = URL(client.url + PATH).with_query(q="targetingCriteriaV2", targetingCriteria=SAMPLE)
    async with client.session.get(url, headers=headers()) as response:
        assert response.status == 400


@pytest.mark.parametrize("length", [5_000, 20_000, 60_000])
async def test_a_long_question_must_be_tunnelled(client: SimulatorClient, length: int) -> None:
    query = long_query(length)
    answer = await client.call("GET", f"{PATH}?{query}", headers=headers())
    assert answer.status == 414
    answer = await tunnelled(client, query)
    assert answer.status == 200
    assert answer.json["elements"][0]["total"] > 25312600


async def test_the_tunnel_is_marked(client: SimulatorClient) -> None:
    assert (await tunnelled(client, QUERY)).json == COUNTED
    assert (await tunnelled(client, QUERY, X_HTTP_Method_Override="")).status == 405
    assert (await tunnelled(client, QUERY, Content_Type="text/plain")).status == 400
    assert (await tunnelled(client, QUERY, Authorization="Bearer expired")).status == 401
    assert (await tunnelled(client, "q=x")).status == 400


async def test_calls_are_logged_without_the_token(client: SimulatorClient) -> None:
    last = (await client.call("GET", "/_sim/count_calls?limit=1")).json["last"]
    await client.call("GET", f"{PATH}?{QUERY}", headers=headers(Authorization="Bearer hush"))
    await tunnelled(client, QUERY, Authorization="Bearer throttled")
    page = (await client.call("GET", f"/_sim/count_calls?after={last}")).json
    assert page["last"] == last + 2
    assert [(call["tunnelled"], call["status"]) for call in page["calls"]] == [
        (False, 200),
        (True, 429),
    ]
    assert {call["query"] for call in page["calls"]} == {QUERY}
    assert "hush" not in str(page)


async def test_a_slow_token_answers_late(client: SimulatorClient) -> None:
    answer = await client.call(
        "GET", f"{PATH}?{QUERY}", headers=headers(Authorization="Bearer slow-1")
    )
    assert answer.json == COUNTED
