"""What is sent to LinkedIn, byte for byte, and what each of its answers means."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Literal

import httpx
import pytest
from structlog.testing import capture_logs

from audience_service import linkedin_ads
from audience_service.linkedin_ads import LinkedInAdsApi
from audience_service.model import AudienceSize
from audience_service.targeting import (
    MOST_QUERY_BYTES,
    Clause,
    Facet,
    TargetingCriteria,
    count_query,
)
from servicekit.errors import Code, ServiceError

SAMPLE = count_query(
    TargetingCriteria(
        include=(
            Clause((Facet("urn:li:adTargetingFacet:locations", ("urn:li:countryGroup:NA",)),)),
            Clause((Facet("urn:li:adTargetingFacet:skills", ("urn:li:skill:17",)),)),
        )
    )
)
# The seed's sample request.
ENCODED = (
    b"q=targetingCriteriaV2&targetingCriteria=(include:(and:List((or:("
    b"urn%3Ali%3AadTargetingFacet%3Alocations:List(urn%3Ali%3AcountryGroup%3ANA))),(or:("
    b"urn%3Ali%3AadTargetingFacet%3Askills:List(urn%3Ali%3Askill%3A17))))))"
)
ANSWER = {
    "elements": [{"active": 0, "total": 25_312_600}],
    "paging": {"count": 10, "links": [], "start": 0},
}
Respond = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linkedin_ads, "_PAUSES", (0.0, 0.0))


@asynccontextmanager
async def linkedin(
    respond: Respond, *, api: Literal["rest", "v2"] = "rest"
) -> AsyncIterator[LinkedInAdsApi]:
    transport = httpx.MockTransport(respond)
    async with httpx.AsyncClient(transport=transport) as client:
        yield LinkedInAdsApi(client, url="https://api.linkedin.com/", version="202607", api=api)


async def sent(query: str, *, api: Literal["rest", "v2"]) -> httpx.Request:
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=ANSWER)

    async with linkedin(respond, api=api) as ads:
        assert await ads.count(query, token="secret") == AudienceSize(total=25_312_600, active=0)
    [request] = requests
    return request


@pytest.mark.parametrize(
    ("api", "path", "version"),
    [
        ("rest", b"/rest/audienceCounts", "202607"),
        ("v2", b"/v2/audienceCountsV2", None),
    ],
)
async def test_the_seeds_sample_is_sent_byte_for_byte(
    api: Literal["rest", "v2"], path: bytes, version: str | None
) -> None:
    request = await sent(SAMPLE, api=api)
    assert request.method == "GET"
    assert request.url.raw_path == path + b"?" + ENCODED
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.headers["X-Restli-Protocol-Version"] == "2.0.0"
    assert request.headers.get("LinkedIn-Version") == version


@pytest.mark.parametrize("api", ["rest", "v2"])
async def test_a_long_query_is_tunnelled_as_it_is(api: Literal["rest", "v2"]) -> None:
    longest = SAMPLE + "&" + "x" * (MOST_QUERY_BYTES - len(SAMPLE) - 1)
    assert (await sent(longest, api=api)).method == "GET"
    request = await sent(longest + "x", api=api)
    assert (request.method, request.url.query) == ("POST", b"")
    assert request.content == (longest + "x").encode()
    assert request.headers["X-HTTP-Method-Override"] == "GET"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


def error(status: int, message: str = "", **more: object) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "message": message, **more})


ROWS: list[tuple[httpx.Response, Code, str]] = [
    *(
        (error(400, message), Code.INVALID_ARGUMENT, "TARGETING_CRITERIA_INVALID")
        for message in (
            "TargetingPartialComputationException: Failed to fully deserialize expression",
            "Parameter 'targetingCriteria' is invalid",
            "Invalid query parameters passed to request",
        )
    ),
    (error(401, serviceErrorCode=65600), Code.UNAUTHENTICATED, "LINKEDIN_TOKEN_INVALID"),
    (error(401, serviceErrorCode=65601), Code.UNAUTHENTICATED, "LINKEDIN_TOKEN_REVOKED"),
    (error(401, serviceErrorCode=65602), Code.UNAUTHENTICATED, "LINKEDIN_TOKEN_EXPIRED"),
    (error(401, serviceErrorCode=65608), Code.PERMISSION_DENIED, "LINKEDIN_MEMBER_RESTRICTED"),
    (error(401, "Empty oauth2_access_token"), Code.UNAUTHENTICATED, "LINKEDIN_TOKEN_MISSING"),
    (httpx.Response(401, text="<html>"), Code.UNAUTHENTICATED, "LINKEDIN_TOKEN_INVALID"),
    (
        error(403, "Not enough permissions to access: x", code="ACCESS_DENIED"),
        Code.PERMISSION_DENIED,
        "LINKEDIN_ACCESS_DENIED",
    ),
    (
        error(404, code="RESOURCE_NOT_FOUND"),
        Code.FAILED_PRECONDITION,
        "LINKEDIN_RESOURCE_NOT_FOUND",
    ),
    (httpx.Response(414), Code.INVALID_ARGUMENT, "TARGETING_CRITERIA_TOO_LONG"),
    (
        error(426, code="NONEXISTENT_VERSION"),
        Code.FAILED_PRECONDITION,
        "LINKEDIN_VERSION_UNSUPPORTED",
    ),
    (
        error(429, "Resource level throttle APPLICATION DAY limit for calls is reached."),
        Code.RESOURCE_EXHAUSTED,
        "LINKEDIN_QUOTA_EXHAUSTED",
    ),
    (error(500, "Internal Server Error"), Code.UNAVAILABLE, "LINKEDIN_UNAVAILABLE"),
    (httpx.Response(503, text="<html>"), Code.UNAVAILABLE, "LINKEDIN_UNAVAILABLE"),
    (httpx.Response(302, headers={"Location": "/"}), Code.UNAVAILABLE, "LINKEDIN_UNAVAILABLE"),
    (httpx.Response(200, text="{"), Code.UNAVAILABLE, "LINKEDIN_UNAVAILABLE"),
    (httpx.Response(200, json={"elements": []}), Code.UNAVAILABLE, "LINKEDIN_UNAVAILABLE"),
    (
        httpx.Response(200, json={"elements": [{"total": -1, "active": 0}]}),
        Code.UNAVAILABLE,
        "LINKEDIN_UNAVAILABLE",
    ),
    (
        httpx.Response(200, text=json.dumps(ANSWER) + " " * 100_000),
        Code.UNAVAILABLE,
        "LINKEDIN_UNAVAILABLE",
    ),
]


@pytest.mark.parametrize(("response", "code", "reason"), ROWS)
async def test_every_answer_of_the_error_table_has_its_status(
    response: httpx.Response, code: Code, reason: str
) -> None:
    asked = 0

    def respond(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return response

    async with linkedin(respond) as ads:
        with pytest.raises(ServiceError) as refused:
            await ads.count(SAMPLE, token="secret")
    assert (refused.value.code, refused.value.reason) == (code, reason)
    assert "secret" not in refused.value.message
    # Only what may pass by itself is asked again.
    passes = response.status_code >= 500 or len(response.content) > 64 * 1024
    assert asked == (3 if passes else 1)


async def test_a_fault_that_passes_is_not_noticed_and_is_logged_with_its_ids() -> None:
    answers: Iterator[httpx.Response | httpx.TransportError] = iter(
        [
            httpx.Response(500, headers={"x-li-uuid": "u1", "x-li-request-id": "r1"}),
            httpx.ConnectError("no"),
            httpx.Response(200, json=ANSWER),
        ]
    )

    def respond(_: httpx.Request) -> httpx.Response:
        answer = next(answers)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    with capture_logs() as logs:
        async with linkedin(respond) as ads:
            assert (await ads.count(SAMPLE, token="secret")).total == 25_312_600
    assert [(each.get("li_uuid"), each.get("li_request_id")) for each in logs] == [
        ("u1", "r1"),
        (None, None),
    ]
    assert "secret" not in str(logs)


async def test_a_size_below_300_is_never_a_size() -> None:
    nothing = {"elements": [{"total": 0, "active": 0}]}
    async with linkedin(lambda _: httpx.Response(200, json=nothing)) as ads:
        size = await ads.count(SAMPLE, token="secret")
    assert (size.below_minimum, size.meets_minimum) == (True, False)


@pytest.mark.parametrize(("total", "enough"), [(299, False), (300, True), (25_312_600, True)])
def test_a_campaign_needs_300(total: int, enough: bool) -> None:
    size = AudienceSize(total=total, active=0)
    assert (size.below_minimum, size.meets_minimum) == (False, enough)
