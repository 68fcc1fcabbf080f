"""Views profiles through the connected-account API (domain: Unipile v1)."""

import asyncio
import logging
from collections.abc import Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import quote

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from enrichment_service.model import AccountStatus
from enrichment_service.ports import KeyRefusedError
from enrichment_service.provider_answers import (
    read_account_status,
    read_error_type,
    read_profile,
    read_retry_after,
)
from enrichment_service.view_results import Finding, ViewResult

_LARGEST_BODY = 2 * 1024 * 1024
# Below what servers and gateways commonly keep, so that a connection is rarely closed under us.
_KEEPALIVE_SECONDS = 15.0


class _BodyRefusedError(Exception):
    """The body cannot be taken; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding)
        self.finding = finding


class _ConnectionLostError(aiohttp.ClientConnectionError):
    """The connection broke while a request was under way."""


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET whose connection broke: LinkedIn may have seen the first.

    It repeats after these two errors only, so they leave as another one.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _ConnectionLostError("the provider closed the connection") from error


class ConnectedAccountProvider:
    """The connected-account provider. Every call is one request: nothing is ever repeated."""

    def __init__(
        self, *, url: str, api_key: str, connections: int, now_ms: Callable[[], int]
    ) -> None:
        """Prepare; connects with the first view.

        Args:
            url: scheme, host and port of the API.
            api_key: sent as X-API-KEY.
            connections: requests at the same time; at least the accounts that work side by side.
            now_ms: the calendar time, which Retry-After dates are compared with.
        """
        # httpx logs every URL, and the URL of a view names a person.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._url = url.rstrip("/")
        self._now_ms = now_ms
        tls = httpx.create_ssl_context(trust_env=False)

        def session() -> aiohttp.ClientSession:
            connector = aiohttp.TCPConnector(
                limit=connections, keepalive_timeout=_KEEPALIVE_SECONDS, ssl=tls
            )
            return aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), middlewares=(_send_once,)
            )

        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(verify=tls, trust_env=False, client=session),
            # Compressed bodies can be far larger than they look.
            headers={
                "X-API-KEY": api_key,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            # Cookies of one account must not travel with the views of another.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
            # One deadline for the whole call instead of one a phase, which a slow drip never hits.
            timeout=None,
            follow_redirects=False,
            trust_env=False,
        )

    async def view(
        self,
        *,
        provider_account_id: str,
        identifier: str,
        deadline_seconds: float,
        known_id: str = "",
    ) -> ViewResult:
        """View one profile with one account; whatever goes wrong outside is in the result.

        Args:
            provider_account_id: the provider's id of the viewing account.
            identifier: a vanity or an opaque id of the person.
            known_id: the person's provider id as far as it is known, otherwise blank.
            deadline_seconds: real time that the whole call may take.
        """
        url = (
            f"{self._url}/api/v1/users/{quote(identifier, safe='')}"
            f"?account_id={quote(provider_account_id, safe='')}"
            "&linkedin_sections=experience&notify=false"
        )
        try:
            async with (
                asyncio.timeout(deadline_seconds),
                self._client.stream("GET", url) as response,
            ):
                return await self._read(response, asked=identifier, known_id=known_id)
        except TimeoutError:
            return ViewResult(finding=Finding.TIMEOUT)
        except _BodyRefusedError as refusal:
            return ViewResult(finding=refusal.finding)
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            # The transport calls every loss of a connection a failure to connect; only aiohttp's
            # own error tells whether the request can have been sent.
            never_sent = isinstance(error.__cause__, aiohttp.ClientConnectorError)
            return ViewResult(
                finding=Finding.CONNECTION_REFUSED if never_sent else Finding.CONNECTION_LOST
            )

    async def account_status(
        self, provider_account_id: str, *, deadline_seconds: float
    ) -> AccountStatus | None:
        """How the provider says that an account is; None when it does not say. Costs no view.

        Raises:
            KeyRefusedError: our own API key is refused.
        """
        url = f"{self._url}/api/v1/accounts/{quote(provider_account_id, safe='')}"
        try:
            async with (
                asyncio.timeout(deadline_seconds),
                self._client.stream("GET", url) as response,
            ):
                status, body = response.status_code, await _read_body(response)
        except (_BodyRefusedError, httpx.HTTPError, aiohttp.ClientError, OSError):
            return None
        if status == httpx.codes.UNAUTHORIZED and read_error_type(body) == "missing_credentials":
            raise KeyRefusedError
        return read_account_status(status, body)

    async def close(self) -> None:
        """Close all connections; views under way fail."""
        await self._client.aclose()

    async def _read(self, response: httpx.Response, *, asked: str, known_id: str) -> ViewResult:
        status = response.status_code
        if response.is_redirect or 300 <= status < 400:
            return ViewResult(finding=Finding.REDIRECT, status=status)
        body = await _read_body(response)
        if status == httpx.codes.OK:
            finding, profile = read_profile(body, asked=asked, known_id=known_id)
            return ViewResult(finding=finding, status=status, profile=profile)
        return ViewResult(
            finding=Finding.ERROR,
            status=status,
            error_type=read_error_type(body),
            retry_after_ms=read_retry_after(
                response.headers.get("Retry-After"), now_ms=self._now_ms()
            ),
        )


async def _read_body(response: httpx.Response) -> bytes:
    """The whole body.

    Raises:
        _BodyRefusedError: it is above the size cap, or compressed although that was not asked for.
    """
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _BodyRefusedError(Finding.BROKEN_BODY)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise _BodyRefusedError(Finding.OVERSIZED)
    return bytes(body)
