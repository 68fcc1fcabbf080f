"""Kinds of resources: how an id becomes a name, and how the shell completes it."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from clients.audiencectl import completion
from clients.audiencectl.completion import Complete
from clients.audiencectl.session import Session


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of resource: the word for one, and the collection that its names have."""

    word: str
    collection: str
    complete: Complete | None = None

    def name(self, session: Session, resource: str) -> str:
        """A full name from an id or a full name."""
        return session.name(self.collection, resource)

    def argument(self) -> Any:
        """The argument of a command that names one of them."""
        return typer.Argument(
            metavar=self.word.upper(), help="Id or full name.", autocompletion=self.complete
        )

    def option(self, text: str) -> Any:
        """An option that names one of them."""
        return typer.Option(metavar=self.word.upper(), help=text, autocompletion=self.complete)


ACCOUNT = Kind(word="account", collection="accounts", complete=completion.accounts)
ENRICHMENT = Kind(word="enrichment", collection="enrichments", complete=completion.enrichments)
AUDIENCE = Kind(word="audience", collection="audiences", complete=completion.audiences)
PROFILE = Kind(word="profile", collection="profiles")
PROSPECT = Kind(word="prospect", collection="prospects")

AccountArgument = Annotated[str, ACCOUNT.argument()]
EnrichmentArgument = Annotated[str, ENRICHMENT.argument()]
AudienceArgument = Annotated[str, AUDIENCE.argument()]
ProspectArgument = Annotated[str, PROSPECT.argument()]
