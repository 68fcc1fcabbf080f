"""Which identifier means which person: vanity, provider id (ACoAA…), Sales Navigator id (ACwAA…).

A person is known by the *tail* of the provider id, the 34 characters (204 bits) after `ACoAA`.
A vanity leads to a tail by a hash, a Sales Navigator id by a reversible scramble; nothing needs to
be stored for that. What cannot be computed back (the vanity of a tail that was first seen by its
vanity, and the other way round) is remembered in an append-only file, as are posted people.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from pathlib import Path

from linkedin_simulator.journal import Journal, JsonObject
from linkedin_simulator.names import vanity_of

_ID = re.compile(r"AC([ow])AA([A-Za-z0-9_-]{34})")
_FOLDED_ID = re.compile(r"ac[ow]aa[a-z0-9_-]{34}", re.IGNORECASE)
_NO_VANITY = re.compile(r"[/\s]|^\d+$|^urn:|^https?:")
# The padding of a tail: 34 characters are 25 and a half bytes, filled up to 27.
_PAD = "AA"
_SCRAMBLE = int.from_bytes(blake2b(b"sales", digest_size=27).digest()) >> 12 << 12


def is_id(identifier: str) -> bool:
    """Whether this is a provider id or a Sales Navigator id, rather than a vanity."""
    return _ID.fullmatch(identifier) is not None


class InvalidIdentifierError(ValueError):
    """No vanity and no id: a URL, a number, too short or too long."""


class UnknownIdentifierError(LookupError):
    """Nobody goes by this name, such as an id whose case was changed, or `unavailable`."""


class Identities:
    """Turns identifiers into people and people into identifiers, consistently and for good."""

    def __init__(self, path: Path) -> None:
        """Open the file of what was remembered and read it."""
        self._tail_of_vanity: dict[str, str] = {}
        self._vanity_of_tail: dict[str, str] = {}
        self._tail_of_sales: dict[str, str] = {}
        self._sales_of_tail: dict[str, str] = {}
        self._journal = Journal(path=path, replay=self._replay)

    def resolve(self, identifier: str) -> str:
        """The tail of the person that is meant; remembers nothing.

        Raises:
            InvalidIdentifierError: this can be no identifier.
            UnknownIdentifierError: it could be one, but nobody has it.
        """
        if found := _ID.fullmatch(identifier):
            tail = found[2]
            if found[1] == "o":
                return tail
            return self._tail_of_sales.get(tail) or _scramble(tail)
        if _FOLDED_ID.fullmatch(identifier):
            raise UnknownIdentifierError("ids are case-sensitive: send it as it came")
        if not 3 <= len(identifier) <= 100 or _NO_VANITY.search(identifier):
            raise InvalidIdentifierError("send a vanity of 3 to 100 characters, or an id")
        if identifier == "unavailable":
            raise UnknownIdentifierError("this profile is gone")
        key = identifier.casefold()
        return self._tail_of_vanity.get(key) or _hashed(key)

    def meet(self, identifier: str) -> tuple[str, str]:
        """The tail and the vanity of the person; from now on both lead to each other.

        Raises:
            InvalidIdentifierError, UnknownIdentifierError: as `resolve`.
        """
        tail = self.resolve(identifier)
        vanity = self._vanity_of_tail.get(tail)
        if vanity is not None:
            return tail, vanity
        vanity = vanity_of(tail)
        key = vanity.casefold()
        if self._tail_of_vanity.get(key) == tail:
            return tail, vanity
        if not is_id(identifier):
            vanity = identifier.lower()
        self._link(tail=tail, vanity=vanity, sales=None)
        self._journal.append({"tail": tail, "vanity": vanity})
        return tail, vanity

    def declare(
        self, *, vanity: str | None, provider_id: str | None, sales_id: str | None
    ) -> dict[str, str]:
        """Make these identifiers one person from now on; answers all that the person goes by.

        Whoever had the vanity before loses it and gets one that is made up (a vanity that moved).

        Raises:
            InvalidIdentifierError, UnknownIdentifierError: one of them is malformed, or none given.
        """
        first = provider_id or sales_id or vanity
        if first is None:
            raise InvalidIdentifierError("give at least one of vanity, provider_id and sales_id")
        for given, prefix in ((provider_id, "ACoAA"), (sales_id, "ACwAA")):
            if given is not None and not (is_id(given) and given.startswith(prefix)):
                raise InvalidIdentifierError(f"an id is {prefix} and 34 characters more")
        if vanity is not None:
            if is_id(vanity):
                raise InvalidIdentifierError("the vanity is an id")
            self.resolve(vanity)
            vanity = vanity.lower()
        tail = self.resolve(first)
        sales = None if sales_id is None else sales_id[5:]
        self._link(tail=tail, vanity=vanity, sales=sales)
        self._journal.append({"tail": tail, "vanity": vanity, "sales": sales})
        return self.names_of(tail)

    def names_of(self, tail: str) -> dict[str, str]:
        """All identifiers of a person: `vanity`, `provider_id` and `sales_id`."""
        _, vanity = self.meet("ACoAA" + tail)
        sales = self._sales_of_tail.get(tail) or _scramble(tail)
        return {"vanity": vanity, "provider_id": "ACoAA" + tail, "sales_id": "ACwAA" + sales}

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def _link(self, *, tail: str, vanity: str | None, sales: str | None) -> None:
        if vanity is not None:
            key = vanity.casefold()
            loser = self._tail_of_vanity.pop(key, None) or _hashed(key)
            if loser != tail and self._vanity_of_tail.get(loser, "").casefold() == key:
                del self._vanity_of_tail[loser]
            if _hashed(key) != tail:
                self._tail_of_vanity[key] = tail
            if vanity_of(tail) != vanity:
                self._vanity_of_tail[tail] = vanity
            else:
                self._vanity_of_tail.pop(tail, None)
        if sales is not None:
            self._tail_of_sales[sales] = tail
            self._sales_of_tail[tail] = sales

    def _replay(self, entry: JsonObject) -> None:
        match entry:
            case {"tail": str(tail), "vanity": str() | None as vanity}:
                sales = entry.get("sales")
                self._link(
                    tail=tail, vanity=vanity, sales=sales if isinstance(sales, str) else None
                )
            case _:
                raise ValueError("the file of people holds a foreign line: move the file away")


def _hashed(key: str) -> str:
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=27, person=b"vanity")
    return urlsafe_b64encode(digest.digest())[:34].decode()


def _scramble(tail: str) -> str:
    """Between the tails of the two ids of a person; its own inverse."""
    number = int.from_bytes(urlsafe_b64decode(tail + _PAD)) ^ _SCRAMBLE
    return urlsafe_b64encode(number.to_bytes(27))[:34].decode()
