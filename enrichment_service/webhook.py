"""Where the provider tells what became of accounts, over HTTP (domain: account-status webhook)."""

import asyncio
import hmac
import ssl

import orjson
import structlog
from aiohttp import web

from enrichment_service.account_status import AccountStatuses
from enrichment_service.model import AccountStatus
from enrichment_service.ports import RefusedError
from servicekit.errors import ServiceError
from servicekit.listening import is_loopback, join_address
from servicekit.settings import ConfigurationError

_log = structlog.get_logger("webhook")

PATH = "/webhooks/account-status"
SECRET_HEADER = "Unipile-Auth"
"""The header that the webhook is set up with at the provider; its value is our secret."""
_LARGEST_BODY = 16 * 1024
_LONGEST_ID = 200
_STATUSES = {status.value: status for status in AccountStatus}
# The provider gives up after 30 s, and comes back five times.
_READ_SECONDS = 5.0
_STORE_SECONDS = 15.0


class Webhook:
    """Listens for what the provider says about accounts.

    Answers 200 once it is written down, also to what says nothing new; 401 without the secret, 400
    for what is no status, 413 above 16 KiB, 408 for a body that does not come, and 503 when the
    store cannot be reached: the provider then repeats it.
    """

    def __init__(self, *, secret: str, statuses: AccountStatuses) -> None:
        """`secret` must come with every request, in the header SECRET_HEADER."""
        self._secret = secret.encode()
        self._statuses = statuses
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_post(PATH, self._post)
        # Without an access log: nothing of a request is for it.
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)

    async def start(self, *, host: str, port: int, tls: ssl.SSLContext | None = None) -> str:
        """Listen; the address, with the real port. ConfigurationError when that cannot be.

        HTTPS with ``tls``, otherwise plain HTTP.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port, ssl_context=tls).start()
        except OSError:
            await self._runner.cleanup()
            raise ConfigurationError(
                f"ENRICHMENT_WEBHOOK_PORT: cannot listen on {join_address(host, port)}: the "
                "port is taken or the address is not of this machine. Choose another port, or 0 "
                "for a free one."
            ) from None
        bound_host, bound_port = self._runner.addresses[0][:2]
        address = join_address(bound_host, bound_port)
        _log.info("webhook_ready", address=address, path=PATH)
        return address

    async def close(self) -> None:
        """Stop listening; what is being written down is finished."""
        await self._runner.cleanup()

    async def _post(self, request: web.Request) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, self._secret):
            return web.Response(status=401, text=f"Send the secret in the header {SECRET_HEADER}.")
        try:
            async with asyncio.timeout(_READ_SECONDS):
                body = await request.read()
        except TimeoutError:
            return web.Response(status=408, text="The body did not come in time.")
        try:
            told = _parse(body)
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        if told is None:
            _log.info("status_not_understood")
            return web.Response()
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                await self._statuses.report(*told)
        except (ServiceError, RefusedError, TimeoutError):
            _log.warning("status_not_written")
            return web.Response(status=503, text="The store cannot be reached. Try again.")
        return web.Response()


def check_exposure(host: str, *, secured: bool) -> None:
    """ConfigurationError when the secret would travel beyond this machine in plain text unasked."""
    if not secured and not is_loopback(host):
        raise ConfigurationError(
            f"ENRICHMENT_WEBHOOK_HOST: {host} is reachable from other machines, and this endpoint "
            "speaks plain HTTP. Set ENRICHMENT_TLS_CERT_FILE and ENRICHMENT_TLS_KEY_FILE, use "
            "127.0.0.1 behind a proxy that speaks HTTPS, or set ENRICHMENT_INSECURE=true if the "
            "network itself is trusted."
        )


def _parse(body: bytes) -> tuple[str, AccountStatus] | None:
    """The provider account and its status; None for a status that nobody has described.

    Raises:
        ValueError: the body is no account status; the text says what is wrong.
    """
    try:
        match orjson.loads(body):
            case {"AccountStatus": {"account_id": str(account_id), "message": str(message)}}:
                if not 0 < len(account_id) <= _LONGEST_ID:
                    raise ValueError("AccountStatus.account_id must have 1 to 200 characters.")
                status = _STATUSES.get(message)
                return None if status is None else (account_id, status)
    except orjson.JSONDecodeError:
        raise ValueError("The body must be JSON.") from None
    raise ValueError('The body must be {"AccountStatus": {"account_id": "…", "message": "…"}}.')
