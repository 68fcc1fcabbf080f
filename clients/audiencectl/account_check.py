"""Whether the account of an audience is linked, which the audience service cannot know."""

import asyncio
import io
import sys
from contextlib import redirect_stderr
from typing import Final

import typer
from enrichment.v1.accounts_pb2 import GetAccountRequest

from clients.audiencectl.failures import explained
from clients.audiencectl.output import short
from clients.audiencectl.session import Session, session_of
from clients.errors import RpcFailed

# The work is done already: nobody should have to wait for the answer.
_SECONDS: Final = 2.0


def warn_unless_linked(ctx: typer.Context, account: str) -> None:
    """Ask the enrichment service about the account, and say on stderr what to do next.

    Never fails: the account may be linked after the audience is made.
    """
    session = session_of(ctx)
    with explained():
        linked = _is_linked(session, account)
    if linked is None:
        sys.stderr.write(
            "The enrichment service did not answer: nobody checked whether the account is linked.\n"
        )
    elif not linked:
        workspace = account.split("/")[1]
        sys.stderr.write(
            f"Warning: {account} is not linked, so nobody can be enriched with it yet. Link it:\n"
            f"  audiencectl --workspace {workspace} account connect {short(account)} "
            "--provider-account-id ID --strategy STRATEGY\n"
        )


def _is_linked(session: Session, account: str) -> bool | None:
    """None when the service does not answer the question."""

    async def read() -> None:
        seconds = min(session.timeout, _SECONDS)
        async with session.enrichment_client(timeout=seconds) as client:
            await client.accounts.GetAccount(GetAccountRequest(name=account))

    try:
        # Why there is no way to the service does not matter here.
        with redirect_stderr(io.StringIO()):
            asyncio.run(read())
    except RpcFailed as error:
        return False if error.reason == "ACCOUNT_NOT_FOUND" else None
    except (TimeoutError, OSError, typer.Exit):
        return None
    return True
