"""The keys that erased people are remembered by: keyed hashes of their names.

An erased person must be recognised for good without keeping anything that names them. Without the
secret a key cannot be computed, and a name cannot be guessed from one.
"""

import base64
import hashlib
import hmac
from typing import Final

_BYTES: Final = 16
"""Of the hash: 128 bits, so that no two names ever meet."""


class PersonKeys:
    """Computes keys; one secret for the whole life of a database."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, workspace: str, name: str) -> str:
        """The key of an alias, or of a prospect's id, in a workspace."""
        return self._hash(f"{workspace}/{name}")

    def fingerprint(self) -> str:
        """Tells one secret from another, without telling anything else of it."""
        # No name in a workspace looks like this.
        return self._hash("/")

    def _hash(self, text: str) -> str:
        digest = hmac.digest(self._secret, text.encode(errors="surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:_BYTES]).rstrip(b"=").decode()
