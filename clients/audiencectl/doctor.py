"""`audiencectl doctor`: looks at an installation and says what to do."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Sequence
from dataclasses import asdict
from typing import Final

import typer
from audience.v1.audiences_pb2 import ListAudiencesRequest
from enrichment.v1.accounts_pb2 import ListAccountsRequest
from rich.console import Console
from rich.text import Text

from clients.audience import AudienceClient
from clients.audiencectl.data_dir import CLOCK_FILE
from clients.audiencectl.doctor_access import check_certificate, check_token
from clients.audiencectl.doctor_contract import (
    compare_services,
    reflected_contract,
    service_names,
)
from clients.audiencectl.doctor_findings import Finding, Level, unknown
from clients.audiencectl.doctor_services import check_service
from clients.audiencectl.doctor_state import check_accounts, check_event_log, check_linking
from clients.audiencectl.failures import FAILED, describe, explained
from clients.audiencectl.output import printable
from clients.audiencectl.session import AsJson, Session, session_of
from clients.enrichment import EnrichmentClient
from clients.errors import RpcFailed

_MARKS: Final = {
    Level.OK: ("ok     ", "green"),
    Level.UNKNOWN: ("unknown", "dim"),
    Level.WARNING: ("warning", "yellow"),
    Level.PROBLEM: ("PROBLEM", "red"),
}


def doctor(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Check an installation, and say for each finding what to do; exit status 1 for a problem."""
    session = session_of(ctx)
    with explained():
        findings = asyncio.run(_examine(session))
    sound = not any(each.level is Level.PROBLEM for each in findings)
    if as_json:
        document = {"ok": sound, "findings": [asdict(each) for each in findings]}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        _print(findings)
    if not sound:
        raise typer.Exit(FAILED)


async def _examine(session: Session) -> list[Finding]:
    async with session.enrichment_client() as enriching, session.audience_client() as holding:
        findings = await _services(session, enriching, holding)
        if any(each.level is Level.PROBLEM for each in findings):
            # What follows would only fail for the same reasons.
            return findings
        stepped = (session.data_dir / CLOCK_FILE).exists()
        findings += await _found(
            "accounts", check_accounts(enriching, parent=session.parent, stepped=stepped)
        )
        findings += await _found("event log", check_event_log(enriching))
        findings += await _found(
            "linking", check_linking(holding, enriching, parent=session.parent)
        )
        findings += await _found("contract between the services", _between(enriching, holding))
    return findings


async def _services(
    session: Session, enriching: EnrichmentClient, holding: AudienceClient
) -> list[Finding]:
    accounts = ListAccountsRequest(parent=session.parent, page_size=1)
    audiences = ListAudiencesRequest(parent=session.parent, page_size=1)
    addresses = {each: session.address_of(each) for each in ("enrichment", "audience")}
    return [
        *_our_access(session),
        *await check_service(
            "enrichment",
            address=addresses["enrichment"],
            channel=enriching.channel,
            credentials=session.credentials_for("enrichment"),
            call=lambda: enriching.accounts.ListAccounts(accounts),
        ),
        *await check_service(
            "audience",
            address=addresses["audience"],
            channel=holding.channel,
            credentials=session.credentials_for("audience"),
            call=lambda: holding.audiences.ListAudiences(audiences),
        ),
    ]


def _our_access(session: Session) -> list[Finding]:
    """What shows of our certificate and token without asking anybody."""
    credentials = session.credentials_for("enrichment")
    findings = []
    if credentials.cert_file:
        findings.append(check_certificate(credentials.cert_file))
    if credentials.token_file:
        findings += check_token(credentials.token_file, workspace=session.workspace)
    return findings


async def _between(enriching: EnrichmentClient, holding: AudienceClient) -> Finding:
    names = service_names("enrichment")
    return compare_services(
        held=await reflected_contract(holding.channel, names),
        served=await reflected_contract(enriching.channel, names),
    )


async def _found(subject: str, check: Awaitable[Sequence[Finding] | Finding]) -> list[Finding]:
    try:
        found = await check
    except RpcFailed as error:
        return [unknown(subject, describe(error))]
    return [found] if isinstance(found, Finding) else list(found)


def _print(findings: Sequence[Finding]) -> None:
    console = Console(soft_wrap=True)
    for each in findings:
        mark, style = _MARKS[each.level]
        console.print(Text.assemble((mark, style), f"  {each.subject}: {printable(each.found)}"))
        if each.advice:
            console.print(Text(f"         -> {each.advice}"))
