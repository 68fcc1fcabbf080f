"""Who may in: every call is given its caller, or refused, before its request is looked at."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import grpc
import httpx

from servicekit.access import Rule, check_scope
from servicekit.callers import Caller, anonymous
from servicekit.callers_file import CallersFile
from servicekit.errors import Code, ServiceError
from servicekit.jwks import KeySource, file_source, url_source
from servicekit.security_settings import SecuritySettings, split_algorithms
from servicekit.settings import ConfigurationError
from servicekit.tokens import TokenVerifier

Context = grpc.aio.ServicerContext[Any, Any]

_BEARER = "bearer "


class Admission:
    """Names the caller of a call by its token, or else by its certificate, and checks its scope."""

    def __init__(
        self, settings: SecuritySettings, *, http: httpx.AsyncClient | None = None
    ) -> None:
        """``http`` is for keys at a URL; it is made here when not given."""
        self._asks = settings.names_callers
        self._http: httpx.AsyncClient | None = None
        self._keys_are_remote = settings.jwt_jwks.startswith("https://")
        self._keys: KeySource | None = None
        self._tokens: TokenVerifier | None = None
        self._certificates = CallersFile(settings.callers_file) if settings.callers_file else None
        if settings.jwt_jwks:
            self._keys = self._key_source(settings.jwt_jwks, http)
            self._tokens = TokenVerifier(
                keys=self._keys,
                issuer=settings.jwt_issuer,
                audience=settings.jwt_audience,
                algorithms=split_algorithms(settings.jwt_algorithms),
            )

    def _key_source(self, where: str, http: httpx.AsyncClient | None) -> KeySource:
        if self._keys_are_remote:
            if http is None:
                http = self._http = httpx.AsyncClient(timeout=5.0, follow_redirects=False)
            return url_source(where, http)
        return file_source(Path(where))

    async def start(self) -> None:
        """Read the keys for the first time; ConfigurationError for a file that cannot be used.

        A URL may answer later: until then, calls with a token are UNAVAILABLE.
        """
        if self._keys is None:
            return
        await self._keys.start()
        if not self._keys_are_remote and not self._keys.generation:
            raise ConfigurationError(
                "JWT_JWKS: there is no file with public keys (a JWKS) at this path. The log says "
                "what is wrong; `audiencectl token keys` makes one for development."
            )

    async def close(self) -> None:
        """Let go of what was opened."""
        if self._keys is not None:
            await self._keys.close()
        if self._http is not None:
            await self._http.aclose()

    async def admit(self, rule: Rule, context: Context, peer: str) -> Caller:
        """The caller; UNAUTHENTICATED when nobody known calls, PERMISSION_DENIED without scope."""
        if rule.open or not self._asks:
            return anonymous(peer)
        caller = await self._identify(context)
        check_scope(rule, caller)
        return caller

    async def _identify(self, context: Context) -> Caller:
        if self._tokens is not None:
            token = _bearer_token(context.invocation_metadata() or ())
            if token is not None:
                return await self._tokens.caller_of(token)
        if self._certificates is not None:
            names = certificate_names(context.auth_context())
            caller = self._certificates.find(names)
            if caller is not None:
                return caller
            if self._tokens is None:
                raise _unknown_certificate()
        raise _token_missing()


def certificate_names(auth_context: Mapping[str, Iterable[bytes]]) -> list[str]:
    """The names in a verified client certificate: URIs, then DNS names; never its common name."""
    return [
        name.decode("utf-8", "replace")
        for kind in ("peer_uri", "peer_dns")
        for name in auth_context.get(kind, ())
    ]


def _bearer_token(metadata: Iterable[tuple[str, str | bytes]]) -> str | None:
    found = [value for key, value in metadata if key == "authorization"]
    if not found:
        return None
    value = found[0]
    if len(found) > 1 or not isinstance(value, str) or not value.lower().startswith(_BEARER):
        raise ServiceError(
            code=Code.UNAUTHENTICATED,
            reason="TOKEN_INVALID",
            message="Send one metadata entry `authorization` with the value `Bearer <token>`.",
        )
    return value[len(_BEARER) :].strip()


def _token_missing() -> ServiceError:
    return ServiceError(
        code=Code.UNAUTHENTICATED,
        reason="TOKEN_MISSING",
        message="This server wants to know who calls. Send the metadata `authorization: Bearer "
        "<token>`, with a token of whoever gives out your credentials.",
    )


def _unknown_certificate() -> ServiceError:
    return ServiceError(
        code=Code.PERMISSION_DENIED,
        reason="CALLER_UNKNOWN",
        message="No name in your certificate (URI or DNS) is one of a known caller. Ask the "
        "operators of this server to enter it in the file of callers.",
    )
