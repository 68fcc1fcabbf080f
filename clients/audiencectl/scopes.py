"""The scopes that the methods of both services ask for, as the access tables of those have them."""

from typing import Final

ALL_SCOPES: Final = (
    "accounts.manage",
    "accounts.read",
    "audiences.read",
    "audiences.write",
    "counts.read",
    "enrichments.read",
    "enrichments.write",
    "events.read",
    "people.erase",
    "profiles.read",
    "prospects.read",
    "prospects.write",
    "suppressions.read",
    "suppressions.write",
    "views.read",
    "views.spend",
)
