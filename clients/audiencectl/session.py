"""What every command shares: where the services are, and one piece of work over them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from clients.audience import AudienceClient
from clients.audiencectl.data_dir import ADDRESSES_FILE
from clients.audiencectl.failures import NOT_REACHABLE, USAGE, explained, refuse
from clients.audiencectl.output import printable
from clients.channel import PLAIN_TEXT
from clients.credentials import Credentials
from clients.enrichment import EnrichmentClient

DEFAULT_WORKSPACE: Final = "demo"

ResultT = TypeVar("ResultT")

AsJson = Annotated[
    bool, typer.Option("--json", help="Print protobuf JSON, and nothing else on stdout.")
]


@dataclass(frozen=True, kw_only=True)
class Session:
    """The options of the whole command line. Empty addresses are looked up in the data dir.

    ``workspace_given`` tells whether somebody said which workspace, or it is the default.
    """

    audience: str
    enrichment: str
    workspace: str
    workspace_given: bool
    data_dir: Path
    timeout: float
    credentials: Credentials

    @property
    def parent(self) -> str:
        """``workspaces/{workspace}``."""
        return f"workspaces/{self.workspace}"

    def name(self, collection: str, resource: str) -> str:
        """A full resource name from an id of this workspace; a full name stays as it is.

        Exit 2 for a full name of another workspace than the one that was given.
        """
        if not resource.startswith("workspaces/"):
            return f"{self.parent}/{collection}/{resource}"
        owner = resource.split("/")[1]
        if self.workspace_given and owner != self.workspace:
            refuse(
                f"{printable(resource)} is in the workspace {printable(owner)}, but --workspace "
                f"(or AUDIENCECTL_WORKSPACE) says {self.workspace}. Give the workspace once, or "
                "the same one.",
                status=USAGE,
            )
        return resource

    def enrichment_client(self, *, timeout: float | None = None) -> EnrichmentClient:
        """A client of the enrichment service; ``timeout`` in seconds instead of the session's."""
        with _told():
            return EnrichmentClient(
                self.address_of("enrichment"),
                timeout=timeout or self.timeout,
                credentials=self.credentials_for("enrichment"),
            )

    def audience_client(self, *, timeout: float | None = None) -> AudienceClient:
        """The same of the audience service."""
        with _told():
            return AudienceClient(
                self.address_of("audience"),
                timeout=timeout or self.timeout,
                credentials=self.credentials_for("audience"),
            )

    def credentials_for(self, service: str) -> Credentials:
        """Those given, or those of the running stack when it is the one that is called."""
        if self.credentials != PLAIN_TEXT or self._given_address(service):
            return self.credentials
        stack = self.stack()
        ca, token = stack.get("ca_file"), stack.get("token_file")
        if ca is None or token is None:
            return PLAIN_TEXT
        return Credentials(ca_file=Path(str(ca)), token_file=Path(str(token)))

    def address_of(self, service: str) -> str:
        """The given address, or that of the running stack; exit 3 when there is neither."""
        return self._given_address(service) or str(self.stack().get(service, ""))

    def _given_address(self, service: str) -> str:
        return self.audience if service == "audience" else self.enrichment

    def stack(self) -> dict[str, object]:
        """What the running stack wrote down; exit 3 when none runs on the data directory."""
        file = self.data_dir / ADDRESSES_FILE
        try:
            found = json.loads(file.read_text())
        except FileNotFoundError:
            refuse(
                f"No stack runs on {self.data_dir}. Start one with `audiencectl up`, or say where "
                "the services are: --audience HOST:PORT, --enrichment HOST:PORT.",
                status=NOT_REACHABLE,
            )
        return dict(found)


@contextmanager
def _told() -> Generator[None]:
    """Credentials that cannot be used are told, and end the command."""
    try:
        yield
    except (OSError, ValueError) as error:
        refuse(f"{error}.", status=USAGE)


def session_of(ctx: typer.Context) -> Session:
    """The session that the root command put into the context."""
    session = ctx.obj
    if not isinstance(session, Session):
        raise TypeError("the root command makes the session")
    return session


def ask_enrichment(
    ctx: typer.Context, work: Callable[[EnrichmentClient], Awaitable[ResultT]], /
) -> ResultT:
    """Do ``work`` with a client of the enrichment service; a failure is told and ends it."""
    session = session_of(ctx)

    async def run() -> ResultT:
        async with session.enrichment_client() as client:
            return await work(client)

    with explained():
        return asyncio.run(run())


def ask_audience(
    ctx: typer.Context, work: Callable[[AudienceClient], Awaitable[ResultT]], /
) -> ResultT:
    """The same with a client of the audience service."""
    session = session_of(ctx)

    async def run() -> ResultT:
        async with session.audience_client() as client:
            return await work(client)

    with explained():
        return asyncio.run(run())
