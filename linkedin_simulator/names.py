"""Made-up names, and the vanities that are made of them and read back from them."""

import re
from hashlib import blake2b


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Ada Agnieszka Ahmed Aiko Alejandra Amara Andrés Anna Anton Beatriz Benjamin Björn Camille "
    "Carlos Chiara Chloé Daniel Dilan Dmitri Elena Elif Emeka Emma Felix Fernanda Francesca "
    "Gabriel Grace Hana Hannah Ibrahim Ines Ivan James Jana Javier João Jürgen Kenji Laila Lars "
    "Léa Linh Lucía Magdalena Marco Maria Mateusz Maya Mehmet Michał Nadia Naomi Nikolai Noor "
    "Olga Oliver Omar Paula Pedro Priya Rafael Rosa Sami Sara Sofia Tariq Thomas Wei Yuki"
)
LAST_NAMES = _words(
    "Abe Almeida Andersson Bauer Becker Bianchi Brown Castro Chen Clarke Costa Czerny Dubois "
    "Eriksson Evans Fernández Fischer Fontaine García Garnier Haddad Hansen Hughes Ivanov "
    "Jansen Johansson Kaya Khan Kim Kowalski Kumar Larsen Laurent Lefèvre López Lovelace Martin "
    "Mbeki Meyer Moreau Müller Nakamura Nguyen Nowak Okafor Oliveira Öztürk Park Patel Pereira "
    "Petrov Popescu Ramírez Ricci Romero Rossi Sánchez Santos Sato Schmidt Silva Singh Smith "
    "Tanaka Taylor Torres Virtanen Wagner Walker Weber Wilson Wiśniewski Yılmaz Zieliński"
)
_SLUG = re.compile(r"([^\W\d_]{2,})-([^\W\d_]{2,})(?:-[0-9a-f]{2,})?")


def vanity_of(tail: str) -> str:
    """The vanity that is made up for the owner of a provider id: names and twelve hex digits."""
    digest = blake2b(tail.encode(), digest_size=10, person=b"name").digest()
    first = FIRST_NAMES[int.from_bytes(digest[:2]) % len(FIRST_NAMES)]
    last = LAST_NAMES[int.from_bytes(digest[2:4]) % len(LAST_NAMES)]
    return f"{first}-{last}-{digest[4:].hex()}".lower()


def names_in(vanity: str) -> tuple[str, str] | None:
    """First and last name as the vanity has them, or None when it does not look like a name."""
    if found := _SLUG.fullmatch(vanity):
        return found[1].capitalize(), found[2].capitalize()
    return None
