"""LinkedIn's audience counts (domain: Marketing API)."""

import asyncio
import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

import orjson
from aiohttp import web

from linkedin_simulator.journal import Journal
from linkedin_simulator.sizes import size_of
from linkedin_simulator.targeting import INVALID, CriteriaError, parse
from servicekit.clock import Clock

_BAD_QUERY = "Invalid query parameters passed to request"
_LONGEST_QUERY = 4096
_LONGEST_URL = 8192
_SUPPORTED_MONTHS = 12
_SLOW_SECONDS = 0.5


class _Refusal(NamedTuple):
    status: int
    message: str
    code: str | None = None
    service_code: int | None = None


# By the token, up to its first dash: `expired` and `expired-7` are both expired.
_REFUSED_TOKENS = {
    "invalid": _Refusal(401, "Invalid access token", "INVALID_ACCESS_TOKEN", 65600),
    "revoked": _Refusal(
        401, "The token used in the request has been revoked", "REVOKED_ACCESS_TOKEN", 65601
    ),
    "expired": _Refusal(
        401, "The token used in the request has expired", "EXPIRED_ACCESS_TOKEN", 65602
    ),
    "restricted": _Refusal(401, "The member is restricted", "RESTRICTED_MEMBER", 65608),
    "denied": _Refusal(
        403, "Not enough permissions to access: audienceCounts.FINDER", "ACCESS_DENIED", 100
    ),
    "throttled": _Refusal(
        429,
        "Resource level throttle APPLICATION DAY limit for calls to this resource is reached.",
        "TOO_MANY_REQUESTS",
        101,
    ),
    "broken": _Refusal(500, "Internal Server Error"),
}


@dataclass(frozen=True, kw_only=True)
class AudienceCountApi:
    """Answers /rest/audienceCounts and the older /v2/audienceCountsV2, both GET and tunnelled.

    Attributes:
        clock: gives the times of the log.
        newest_version: the newest LinkedIn-Version (YYYYMM) that is supported.
        calls: log of all calls; a token is written as the start of its SHA-256 only.
    """

    clock: Clock
    newest_version: str
    calls: Journal

    async def get(self, request: web.Request) -> web.StreamResponse:
        """One count by GET, or by POST with the query as its body."""
        path, _, query = request.raw_path.partition("?")
        refusal: _Refusal | None = None
        if request.method == "POST":
            refusal = _tunnel_refusal(request, query=query)
            query = (await request.read()).decode("latin-1")
        elif len(query) > _LONGEST_QUERY or len(str(request.url)) > _LONGEST_URL:
            refusal = _Refusal(414, "Request-URI Too Long")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        refusal = refusal or self._refusal(request, scheme=scheme, token=token, path=path)
        body: dict[str, object] = {}
        if refusal is None:
            try:
                body = _counted(query)
            except CriteriaError as error:
                refusal = _Refusal(400, str(error))
        if refusal is not None:
            body = _error_body(refusal)
        status = 200 if refusal is None else refusal.status
        self.calls.append(
            {
                "n": len(self.calls) + 1,
                "time_ms": self.clock.now_ms(),
                "path": path,
                "tunnelled": request.method == "POST",
                "query": query,
                "token_sha256": sha256(token.encode()).hexdigest()[:16],
                "status": status,
            }
        )
        if token.partition("-")[0] == "slow":
            await asyncio.sleep(_SLOW_SECONDS)
        return web.Response(
            body=orjson.dumps(body),
            status=status,
            content_type="application/json",
            headers={"x-li-uuid": uuid.uuid4().hex, "x-li-request-id": uuid.uuid4().hex},
        )

    def _refusal(
        self, request: web.Request, *, scheme: str, token: str, path: str
    ) -> _Refusal | None:
        """What stands before the criteria: token, version, protocol."""
        if scheme.lower() != "bearer" or not token.strip():
            return _Refusal(401, "Empty oauth2_access_token", service_code=401)
        if path.startswith("/rest/"):
            version = request.headers.get("LinkedIn-Version")
            if version is None:
                return _Refusal(
                    400,
                    "A version must be present. Please specify a version by adding the "
                    "LinkedIn-Version header.",
                    "VERSION_MISSING",
                )
            if not self._supported(version):
                return _Refusal(
                    426, f"Requested version {version[:10]} is not active", "NONEXISTENT_VERSION"
                )
        if request.headers.get("X-Restli-Protocol-Version") != "2.0.0":
            return _Refusal(400, _BAD_QUERY)
        return _REFUSED_TOKENS.get(token.partition("-")[0])

    def _supported(self, version: str) -> bool:
        if len(version) != 6 or not (version.isascii() and version.isdigit()):
            return False
        age = _months(self.newest_version) - _months(version)
        return "01" <= version[4:] <= "12" and 0 <= age < _SUPPORTED_MONTHS


def _tunnel_refusal(request: web.Request, *, query: str) -> _Refusal | None:
    if request.headers.get("X-HTTP-Method-Override") != "GET":
        return _Refusal(405, "Method Not Allowed")
    if request.content_type != "application/x-www-form-urlencoded" or query:
        return _Refusal(400, _BAD_QUERY)
    return None


def _counted(query: str) -> dict[str, object]:
    """The answer to a query as it stands in the URL.

    Raises:
        CriteriaError: the query or the criteria in it cannot be read.
    """
    parameters = dict(part.partition("=")[::2] for part in query.split("&"))
    if parameters.get("q") != "targetingCriteriaV2" or "targetingCriteria" not in parameters:
        raise CriteriaError(_BAD_QUERY)
    if not parameters["targetingCriteria"]:
        raise CriteriaError(INVALID)
    size = size_of(parse(parameters["targetingCriteria"]))
    return {
        "elements": [{"active": size.active, "total": size.total}],
        "paging": {"count": 10, "links": [], "start": 0},
    }


def _error_body(refusal: _Refusal) -> dict[str, object]:
    body: dict[str, object] = {"message": refusal.message, "status": refusal.status}
    if refusal.code is not None:
        body["code"] = refusal.code
    if refusal.service_code is not None:
        body["serviceErrorCode"] = refusal.service_code
    return body


def _months(version: str) -> int:
    return int(version[:4]) * 12 + int(version[4:])
