"""The keys that people are known by in the store: keyed hashes of what LinkedIn calls them.

An erased person must be recognised for good without keeping anything that names them, so the store
never sees an identifier where it looks somebody up. Without the secret a key cannot be computed,
and an identifier cannot be guessed from one.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable

from enrichment_service.identifiers import fold_identifier
from servicekit.errors import failed_precondition

_BYTES = 16
"""Of the hash: 128 bits, so that no two identifiers ever meet."""


class PersonKeys:
    """Computes keys; one secret for the whole life of a store."""

    def __init__(self, secret: bytes | None) -> None:
        """`secret` is None where none is configured: then nobody can be looked up or fetched."""
        self._secret = secret

    @property
    def ready(self) -> bool:
        """Whether there is a secret."""
        return self._secret is not None

    def of(self, workspace: str, identifiers: Iterable[str]) -> list[str]:
        """The key of each identifier in a workspace, whatever its spelling, each key once.

        FAILED_PRECONDITION (ERASURE_KEY_MISSING) without a secret.
        """
        keys = (self._hash(f"{workspace}/{fold_identifier(text)}") for text in identifiers)
        return list(dict.fromkeys(keys))

    def fingerprint(self) -> str:
        """Tells one secret from another, without telling anything else of it."""
        # No identifier in a workspace looks like this.
        return self._hash("/")

    def _hash(self, text: str) -> str:
        if self._secret is None:
            raise failed_precondition(
                "ERASURE_KEY_MISSING",
                "The service cannot tell who has been erased, so it takes nobody in. Set "
                "ENRICHMENT_ERASURE_KEY to a secret that stays the same for good.",
            )
        digest = hmac.digest(self._secret, text.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:_BYTES]).rstrip(b"=").decode()
