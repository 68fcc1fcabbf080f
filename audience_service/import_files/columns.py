"""What the columns of the usual exports are called.

(domain: LinkedIn's Connections.csv, PhantomBuster's Sales Navigator export, Evaboot, HeyReach,
and the header aliases of other tools.) Names are compared by their letters and digits only, so
"LinkedIn URL", "linkedin_url" and "linkedinUrl" are one.
"""

from collections.abc import Set
from enum import StrEnum


class FileKind(StrEnum):
    """Whose export a file is."""

    LINKEDIN_CONNECTIONS = "LINKEDIN_CONNECTIONS"
    SALES_NAVIGATOR = "SALES_NAVIGATOR"
    EVABOOT = "EVABOOT"
    HEYREACH = "HEYREACH"
    TABLE = "TABLE"
    """Any other table with a header."""
    URL_LIST = "URL_LIST"
    """No header: URLs, alone or beside other cells."""


# The most telling name first: a public profile URL, then any profile URL, then ids of members.
PROFILE_COLUMNS = (
    "defaultprofileurl",
    "linkedinurlpublic",
    "publicprofileurl",
    "personlinkedinurl",
    "contactlinkedinurl",
    "linkedinprofileurl",
    "linkedinurl",
    "linkedinprofile",
    "linkedinprofilelink",
    "linkedinlink",
    "linkedin",
    "linkedinurluniqueid",
    "profileurl",
    "profilelink",
    "salesnavigatorurl",
    "salesnavigatorprofileurl",
    "linkedinsalesnavigatorurl",
    "vmid",
    "url",
)

# A field, and the columns that carry it, the best first.
FIELD_COLUMNS = {
    "first_name": ("firstname", "givenname"),
    "last_name": ("lastname", "surname", "familyname"),
    "full_name": ("fullname", "name"),
    "headline": ("headline", "linkedinheadline"),
    "company": ("companyname", "company", "currentcompany", "organization", "organisation"),
    "title": ("title", "jobtitle", "position", "currentjob", "currentposition"),
    "location": ("location", "personlocation"),
    "connected_on": ("connectedon",),
}

KNOWN_COLUMNS = frozenset(PROFILE_COLUMNS).union(*FIELD_COLUMNS.values())

# What tells each export from the others.
_SIGNATURES = (
    (FileKind.SALES_NAVIGATOR, {"profileurl", "vmid"}),
    (FileKind.EVABOOT, {"linkedinurlpublic"}),
    (FileKind.LINKEDIN_CONNECTIONS, {"firstname", "lastname", "url", "connectedon"}),
    (FileKind.HEYREACH, {"profileurl", "firstname", "emailaddress", "companyname", "position"}),
)


def plain(name: str) -> str:
    """Reduce the name of a column to its letters and digits, in lower case."""
    return "".join(filter(str.isalnum, name.casefold()))


def kind_of(names: Set[str]) -> FileKind:
    """Tell whose export has these (plain) column names."""
    return next((kind for kind, needed in _SIGNATURES if needed <= names), FileKind.TABLE)
