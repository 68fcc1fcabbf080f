"""Resource names (AIP-122): parsing, formatting, and random ids."""

import re
import secrets
from typing import Final

from servicekit.errors import invalid_argument

# What one id looks like: lower-case letters, digits and hyphens, at most 63, no hyphen at an end.
ID_PATTERN: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"

# Crockford's base 32 in lower case: no i, l, o, u, so that ids can be read aloud.
_LETTERS: Final = "abcdefghjkmnpqrstvwxyz"
_ALPHABET: Final = "0123456789" + _LETTERS
# The character of each byte.
_CHARACTERS: Final = (_ALPHABET * 8).encode()


class ResourceName:
    """One kind of name, given by a pattern: ``workspaces/{workspace}/accounts/{account}``."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.variables: tuple[str, ...] = tuple(re.findall(r"\{(\w+)\}", pattern))
        literals = [re.escape(part) for part in re.split(r"\{\w+\}", pattern)]
        self._regex = re.compile(f"({ID_PATTERN})".join(literals))
        self._template = re.sub(r"\{\w+\}", "{}", pattern)

    def parse(self, name: str, *, field: str = "name") -> tuple[str, ...]:
        """The ids in ``name``, in the order of the pattern.

        INVALID_ARGUMENT (RESOURCE_NAME_INVALID) naming ``field`` when it is not such a name.
        """
        match = self._regex.fullmatch(name)
        if match is None:
            raise invalid_argument(
                field, f"must look like {self.pattern}", reason="RESOURCE_NAME_INVALID"
            )
        return match.groups()

    def format(self, *ids: str) -> str:
        """The name made of ``ids``, in the order of the pattern; ValueError for what is no id."""
        if len(ids) == len(self.variables):
            name = self._template.format(*ids)
            if self._regex.fullmatch(name):
                return name
        raise ValueError(f"not ids of {self.pattern}")


def random_id(length: int = 13) -> str:
    """A random lower-case id that begins with a letter; 13 characters hold about 64 bits."""
    # One read of the system's randomness for all characters; 32 letters divide a byte evenly.
    drawn = secrets.token_bytes(length)
    return _LETTERS[drawn[0] % len(_LETTERS)] + drawn[1:].translate(_CHARACTERS).decode()
