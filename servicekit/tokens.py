"""Bearer tokens (JWT): who signed them, for whom, until when, and what they allow."""

import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    PyJWTError,
)

from servicekit.callers import ALL_WORKSPACES, Caller, workspaces_of
from servicekit.errors import Code, ServiceError
from servicekit.jwks import KeySource
from servicekit.names import ID_PATTERN

_LEEWAY_SECONDS: Final = 30
_LONGEST: Final = 8 * 1024
_CACHED: Final = 10_000

# Goes into logs and counters: the name of a service, of a bounded length.
_SUBJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@|-]{0,199}")
_WORKSPACE: Final = re.compile(ID_PATTERN)


class TokenVerifier:
    """Verifies tokens, and remembers for each the caller that it names until it expires."""

    def __init__(
        self,
        *,
        keys: KeySource,
        issuer: str,
        audience: str,
        algorithms: Sequence[str],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._algorithms = list(algorithms)
        self._now = now
        # By a hash: the tokens themselves are not kept.
        self._known: dict[bytes, tuple[Caller, float]] = {}
        self._generation = keys.generation

    async def caller_of(self, token: str) -> Caller:
        """The caller that a token names; UNAUTHENTICATED with the reason why it names none."""
        self._keys.keep_fresh()
        if self._generation != self._keys.generation:
            # A key may have been taken away because it was stolen.
            self._known.clear()
            self._generation = self._keys.generation
        if len(token) > _LONGEST:
            raise _invalid(f"It is longer than {_LONGEST} bytes.")
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and self._now() < known[1]:
            return known[0]
        caller, expires = await self._verify(token)
        self._known.pop(digest, None)
        if len(self._known) >= _CACHED:
            del self._known[next(iter(self._known))]
        self._known[digest] = (caller, expires)
        return caller

    async def _verify(self, token: str) -> tuple[Caller, float]:
        try:
            header = jwt.get_unverified_header(token)
        except PyJWTError:
            raise _invalid("It is not a JWT.") from None
        if header.get("alg") not in self._algorithms:
            raise _invalid(f"It must be signed with {' or '.join(self._algorithms)}.")
        key = await self._keys.find(header.get("kid"))
        if key is None:
            raise _invalid("Its key (kid) is not one of those that are accepted here.")
        try:
            claims = jwt.decode(
                token,
                key=key,
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except ExpiredSignatureError:
            raise _expired() from None
        except ImmatureSignatureError:
            raise _invalid("It is not valid yet: compare the clocks.") from None
        except InvalidIssuerError:
            raise _invalid(f"Its issuer (iss) must be {self._issuer}.") from None
        except InvalidAudienceError:
            raise _invalid(f"Its audience (aud) must be {self._audience}.") from None
        except (PyJWTError, TypeError, ValueError):
            raise _invalid(
                "Its signature or form is wrong; it needs exp, sub, iss and aud."
            ) from None
        return _read(claims), float(claims["exp"]) + _LEEWAY_SECONDS


def _read(claims: Mapping[str, Any]) -> Caller:
    match claims:
        case {"sub": str(name)} if _SUBJECT.fullmatch(name):
            pass
        case _:
            raise _invalid("Its subject (sub) must be the name of a service.")
    scope, workspaces = claims.get("scope", ""), claims.get("workspaces", [])
    if not isinstance(scope, str):
        raise _invalid("Its scope must be text: scopes separated by spaces.")
    if not isinstance(workspaces, list) or not all(map(is_workspace, workspaces)):
        raise _invalid('Its workspaces must be a list of ids, or ["*"].')
    return Caller(name=name, scopes=frozenset(scope.split()), workspaces=workspaces_of(workspaces))


def is_workspace(value: object) -> bool:
    """Whether it is the id of a workspace, or `*`."""
    return isinstance(value, str) and (
        value == ALL_WORKSPACES or _WORKSPACE.fullmatch(value) is not None
    )


def _invalid(why: str) -> ServiceError:
    return ServiceError(
        code=Code.UNAUTHENTICATED,
        reason="TOKEN_INVALID",
        message=f"The bearer token is not accepted. {why}",
    )


def _expired() -> ServiceError:
    return ServiceError(
        code=Code.UNAUTHENTICATED,
        reason="TOKEN_EXPIRED",
        message="The bearer token has expired. Get a new one, and send the call again.",
    )
