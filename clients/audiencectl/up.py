"""`audiencectl up`: the embedded stack in the foreground."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clients.audiencectl.child import StackError
from clients.audiencectl.failures import FAILED, USAGE, refuse
from clients.audiencectl.session import session_of
from clients.audiencectl.signals import run_until_signal
from clients.audiencectl.stack import Addresses, StackPlan, running_stack

AUDIENCE_PORT = 50051
ENRICHMENT_PORT = 50052
SIMULATOR_PORT = 50053


def up(
    ctx: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where all data lies; .data without it.")
    ] = None,
    audience_port: Annotated[int, typer.Option(min=0, max=65535, help="0: free")] = AUDIENCE_PORT,
    enrichment_port: Annotated[
        int, typer.Option(min=0, max=65535, help="0: free")
    ] = ENRICHMENT_PORT,
    simulator_port: Annotated[int, typer.Option(min=0, max=65535, help="0: free")] = SIMULATOR_PORT,
    stepped_clock: Annotated[
        bool, typer.Option("--stepped-clock", help="Skip the waiting: time jumps to what is due.")
    ] = False,
    start_time: Annotated[
        str | None, typer.Option(help="First time of the stepped clock, ISO 8601; UTC.")
    ] = None,
    secured: Annotated[
        bool, typer.Option("--secured", help="With TLS and bearer tokens, made in the data dir.")
    ] = False,
) -> None:
    """Start the pair with embedded stores and a simulated LinkedIn; ends on Ctrl-C or SIGTERM.

    Prints one line of JSON with the addresses when all is healthy.
    """
    if start_time and not stepped_clock:
        refuse("--start-time needs --stepped-clock: real time starts by itself.", status=USAGE)
    plan = StackPlan(
        data_dir=data_dir or session_of(ctx).data_dir,
        audience_port=audience_port,
        enrichment_port=enrichment_port,
        simulator_port=simulator_port,
        stepped=stepped_clock,
        start_time=_time(start_time) if start_time else None,
        secured=secured,
    )
    try:
        asyncio.run(run_until_signal(_serve(plan)))
    except StackError as error:
        refuse(str(error), status=FAILED)


async def _serve(plan: StackPlan) -> None:
    async with running_stack(plan) as stack:
        sys.stdout.write(stack.addresses.to_json() + "\n")
        sys.stdout.flush()
        sys.stderr.write(_examples(stack.addresses))
        await asyncio.Event().wait()


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        refuse(f"--start-time {text}: write it like 2026-01-05T08:00:00Z.", status=USAGE)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _examples(addresses: Addresses) -> str:
    beside = Path(sys.executable).with_name("grpcurl")
    grpcurl = os.path.relpath(beside) if beside.exists() else "grpcurl"
    workspace = '{"parent": "workspaces/demo"}'
    account = (
        '{"parent": "workspaces/demo", "account_id": "grace", "account": '
        '{"provider_account_id": "grace", "strategy": "ACCOUNT_STRATEGY_NEW"}}'
    )
    budget = '{"name": "workspaces/demo/accounts/grace/viewBudget"}'
    calls = (
        ("", addresses.audience, "list"),
        ("", addresses.enrichment, "list"),
        (account, addresses.enrichment, "enrichment.v1.AccountService/ConnectAccount"),
        (budget, addresses.enrichment, "enrichment.v1.ViewBudgetService/GetViewBudget"),
        (workspace, addresses.audience, "audience.v1.AudienceService/ListAudiences"),
        ("{}", addresses.enrichment, "enrichment.v1.EventService/SubscribeEvents"),
    )
    how = _security_options(addresses)
    lines = [
        f"  {grpcurl} {how} {_body_option(body)}{address} {method}"
        for body, address, method in calls
    ]
    return "\n".join(["", "All is up. Try:", "", *lines, "", "Ctrl-C ends it.", ""])


def _security_options(addresses: Addresses) -> str:
    if addresses.ca_file is None or addresses.token_file is None:
        return "-plaintext"
    ca, token = os.path.relpath(addresses.ca_file), os.path.relpath(addresses.token_file)
    return f'-cacert {ca} -H "authorization: Bearer $(cat {token})"'


def _body_option(body: str) -> str:
    return f"-d '{body}' " if body else ""
