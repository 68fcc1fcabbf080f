"""Completion of ids by the shell: asked of the running service, briefly, and silent on failure."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr
from typing import Final

import grpc
import typer
from audience.v1.audiences_pb2 import ListAudiencesRequest
from enrichment.v1.accounts_pb2 import ListAccountsRequest
from enrichment.v1.enrichments_pb2 import ListEnrichmentsRequest

from clients.audiencectl.output import short
from clients.audiencectl.session import Session

Complete = Callable[[typer.Context, str], list[str]]

_SECONDS: Final = 1.0
_MOST: Final = 1000


def accounts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids of the workspace's accounts that begin like this."""

    async def read(session: Session) -> list[str]:
        async with session.enrichment_client(timeout=_SECONDS) as client:
            request = ListAccountsRequest(parent=session.parent, page_size=_MOST)
            return [each.name for each in (await client.accounts.ListAccounts(request)).accounts]

    return _ids(ctx, incomplete, read)


def enrichments(ctx: typer.Context, incomplete: str) -> list[str]:
    """The same for enrichments."""

    async def read(session: Session) -> list[str]:
        async with session.enrichment_client(timeout=_SECONDS) as client:
            request = ListEnrichmentsRequest(parent=session.parent, page_size=_MOST)
            answer = await client.enrichments.ListEnrichments(request)
            return [each.name for each in answer.enrichments]

    return _ids(ctx, incomplete, read)


def audiences(ctx: typer.Context, incomplete: str) -> list[str]:
    """The same for audiences."""

    async def read(session: Session) -> list[str]:
        async with session.audience_client(timeout=_SECONDS) as client:
            request = ListAudiencesRequest(parent=session.parent, page_size=_MOST)
            return [each.name for each in (await client.audiences.ListAudiences(request)).audiences]

    return _ids(ctx, incomplete, read)


def _ids(
    ctx: typer.Context, incomplete: str, read: Callable[[Session], Awaitable[list[str]]]
) -> list[str]:
    session = _session(ctx)
    if session is None:
        return []

    async def names() -> list[str]:
        async with asyncio.timeout(_SECONDS):
            return await read(session)

    # A word on stderr would land in the middle of the command line that is being typed.
    with redirect_stderr(io.StringIO()):
        try:
            found = asyncio.run(names())
        except (grpc.aio.AioRpcError, TimeoutError, OSError, typer.Exit):
            return []
    return [each for each in map(short, found) if each.startswith(incomplete)]


def _session(ctx: typer.Context) -> Session | None:
    """The session of the options typed so far: the shell asks before any command has run."""
    root = ctx.find_root()
    make = root.command.callback
    if make is None:
        return None
    root.invoke(make, **root.params)
    return root.obj if isinstance(root.obj, Session) else None
