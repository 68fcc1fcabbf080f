"""Audience counts of LinkedIn's Marketing API over HTTP."""

import asyncio
import json
from typing import Final, Literal

import httpx
import structlog

from audience_service.errors import QUOTA_EXHAUSTED
from audience_service.model import AudienceSize
from audience_service.targeting import must_tunnel
from servicekit.errors import (
    Code,
    ServiceError,
    failed_precondition,
    invalid_argument,
    resource_exhausted,
    unavailable,
)

_log = structlog.get_logger("linkedin_ads")

# (domain: the versioned API, and the seed's older form, which knows no versions)
_PATHS: Final = {"rest": "/rest/audienceCounts", "v2": "/v2/audienceCountsV2"}
_TOTAL_SECONDS: Final = 15.0
_PAUSES: Final = (0.2, 0.6)
_MOST_BYTES: Final = 64 * 1024

# (domain: serviceErrorCode of 401)
_TOKEN_FAULTS: Final = {65600: "INVALID", 65601: "REVOKED", 65602: "EXPIRED"}
_RESTRICTED_MEMBER: Final = 65608


class LinkedInAdsApi:
    """``ports.LinkedInAds`` on an HTTP client, which somebody else closes.

    ``version`` is the month of the API, such as 202607: LinkedIn serves each for about a year. With
    ``api`` "v2" the older form is asked instead, which has none.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        url: str,
        version: str,
        api: Literal["rest", "v2"] = "rest",
    ) -> None:
        self._client = client
        self._url = url.rstrip("/") + _PATHS[api]
        self._versions = {"LinkedIn-Version": version} if api == "rest" else {}

    async def count(self, query: str, *, token: str) -> AudienceSize:
        try:
            async with asyncio.timeout(_TOTAL_SECONDS):
                for pause in (*_PAUSES, None):
                    try:
                        status, body = await self._ask(query, token=token)
                    except httpx.TransportError as error:
                        _log.warning("linkedin_unreachable", error=type(error).__qualname__)
                        status, body = 0, {}
                    if (status and status < 500) or pause is None:
                        break
                    await asyncio.sleep(pause)
        except TimeoutError:
            status, body = 0, {}
        if status != 200:
            raise _refusal(status, body)
        return _size(body)

    async def _ask(self, query: str, *, token: str) -> tuple[int, dict[str, object]]:
        headers = {
            "Authorization": f"Bearer {token}",
            **self._versions,
            "X-Restli-Protocol-Version": "2.0.0",
        }
        if must_tunnel(query):
            headers["X-HTTP-Method-Override"] = "GET"
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            request = self._client.build_request(
                "POST", self._url, headers=headers, content=query.encode()
            )
        else:
            # A whole URL, and no params: those would be encoded once more.
            request = self._client.build_request("GET", f"{self._url}?{query}", headers=headers)
        response = await self._client.send(request, stream=True)
        try:
            content = bytearray()
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > _MOST_BYTES:
                    return 0, {}
        finally:
            await response.aclose()
        if response.status_code >= 500:
            _log.warning(
                "linkedin_failed",
                status=response.status_code,
                li_uuid=response.headers.get("x-li-uuid", ""),
                li_request_id=response.headers.get("x-li-request-id", ""),
            )
        return response.status_code, _json(bytes(content))


def _json(content: bytes) -> dict[str, object]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _size(body: dict[str, object]) -> AudienceSize:
    match body:
        case {"elements": [{"total": int(total), "active": int(active)}]} if total >= 0:
            return AudienceSize(total=min(total, 2**31 - 1), active=min(active, 2**31 - 1))
    raise _unavailable()


def _refusal(status: int, body: dict[str, object]) -> ServiceError:
    match status:
        case 400:
            return invalid_argument(
                "criteria",
                "LinkedIn refused the targeting criteria: check facets and values",
                reason="TARGETING_CRITERIA_INVALID",
            )
        case 401:
            return _token_refusal(body)
        case 403:
            return ServiceError(
                code=Code.PERMISSION_DENIED,
                reason="LINKEDIN_ACCESS_DENIED",
                message="LinkedIn does not let this application count audiences for the token's "
                "owner. Ask LinkedIn for access to the Advertising API.",
            )
        case 404:
            return failed_precondition(
                "LINKEDIN_RESOURCE_NOT_FOUND",
                "LinkedIn knows no audience counts at the configured address. Ask the operators "
                "to check AUDIENCE_LINKEDIN_API_URL.",
            )
        case 414:
            return invalid_argument(
                "criteria",
                "are too long for LinkedIn: use fewer values",
                reason="TARGETING_CRITERIA_TOO_LONG",
            )
        case 426:
            return failed_precondition(
                "LINKEDIN_VERSION_UNSUPPORTED",
                "LinkedIn no longer serves the configured version of its API. Ask the operators "
                "to raise AUDIENCE_LINKEDIN_VERSION.",
            )
        case 429:
            return resource_exhausted(QUOTA_EXHAUSTED, "LinkedIn's quota for today is used up.")
    return _unavailable()


def _token_refusal(body: dict[str, object]) -> ServiceError:
    code = body.get("serviceErrorCode")
    if code == _RESTRICTED_MEMBER:
        return ServiceError(
            code=Code.PERMISSION_DENIED,
            reason="LINKEDIN_MEMBER_RESTRICTED",
            message="LinkedIn has restricted the token's owner. Sign in to LinkedIn as that "
            "member and follow what it asks for.",
        )
    fault = _TOKEN_FAULTS.get(code, "INVALID") if isinstance(code, int) else "INVALID"
    if "Empty oauth2_access_token" in str(body.get("message", "")):
        fault = "MISSING"
    return ServiceError(
        code=Code.UNAUTHENTICATED,
        reason=f"LINKEDIN_TOKEN_{fault}",
        message="LinkedIn refused the access token. Sign in to LinkedIn again and send the new "
        "token as request metadata linkedin-token.",
    )


def _unavailable() -> ServiceError:
    return unavailable(
        "LINKEDIN_UNAVAILABLE", "LinkedIn does not answer as it should. Repeat the call later."
    )
