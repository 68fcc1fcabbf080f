"""Whether the state of both services is sound: days, records, events, and who waits for whom."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from audience.v1.audiences_pb2 import GetAudienceRequest, ListAudiencesRequest
from enrichment.v1.accounts_pb2 import Account, ListAccountsRequest
from enrichment.v1.enrichments_pb2 import GetEnrichmentRequest
from enrichment.v1.events_pb2 import GetEventLogRequest
from enrichment.v1.view_budgets_pb2 import BatchGetViewBudgetsRequest, ViewBudget

from clients.audience import AudienceClient
from clients.audiencectl.doctor_findings import Finding, ok, problem, unknown, warning
from clients.audiencectl.failures import in_words
from clients.audiencectl.output import counted, pause_in_words, short
from clients.enrichment import EnrichmentClient

_MOST: Final = 100
_NAMED: Final = 5
_MIDNIGHT: Final = timedelta(minutes=1)


async def check_accounts(client: EnrichmentClient, *, parent: str, stepped: bool) -> list[Finding]:
    """The first hundred accounts: their records, their day, and whom they wait for."""
    request = ListAccountsRequest(parent=parent, page_size=_MOST)
    accounts = (await client.accounts.ListAccounts(request)).accounts
    if not accounts:
        return [
            unknown("accounts", f"none in {parent}", "Connect one: audiencectl account connect.")
        ]
    names = [f"{each.name}/viewBudget" for each in accounts]
    budgets = await client.view_budgets.BatchGetViewBudgets(
        BatchGetViewBudgetsRequest(parent=parent, names=names)
    )
    return [
        _records(budgets.view_budgets),
        _clock(budgets.view_budgets, stepped=stepped),
        *_waiting(accounts),
    ]


async def check_event_log(client: EnrichmentClient) -> list[Finding]:
    """How far back the log goes, and whether anybody follows it."""
    log = await client.events.GetEventLog(GetEventLogRequest())
    events = sum(each.event_count for each in log.partitions)
    floors = [each.floor_time for each in log.partitions if each.HasField("floor_time")]
    floor = max((each.ToDatetime() for each in floors), default=None)
    since = f", complete since {floor:%Y-%m-%d %H:%M}" if floor else ""
    found = (
        f"{counted(events, 'event')} in {counted(len(log.partitions), 'partition')}, kept "
        f"{in_words(log.retention.ToTimedelta())}{since}"
    )
    findings = [ok("event log", found)]
    if log.subscriber_count:
        subscriptions = counted(log.subscriber_count, "subscription")
        findings.append(ok("event log", f"{subscriptions} at this replica"))
    else:
        findings.append(
            warning(
                "event log",
                "nobody follows it at the replica that answered",
                "The audience service should: look at its log, and at AUDIENCE_ENRICHMENT_ADDRESS.",
            )
        )
    return findings


async def check_linking(
    holding: AudienceClient, enriching: EnrichmentClient, *, parent: str
) -> Finding:
    """Whether the audience service reaches the other one, and how far it is behind it."""
    subject = "linking"
    request = ListAudiencesRequest(parent=parent, page_size=_MOST)
    listed = (await holding.audiences.ListAudiences(request)).audiences
    enriched = next((each for each in listed if each.enrichment), None)
    if enriched is None:
        return unknown(
            subject,
            "no audience is enriched, so it does not show whether the audience service reaches "
            "the enrichment service",
            "Start one: audiencectl audience enrich.",
        )
    audience = (
        await holding.audiences.GetAudience(GetAudienceRequest(name=enriched.name))
    ).audience
    if not audience.progress.enrichment_reachable:
        return problem(
            subject,
            "the audience service does not reach the enrichment service",
            "Check AUDIENCE_ENRICHMENT_ADDRESS, and the token and certificates it uses.",
        )
    answer = await enriching.enrichments.GetEnrichment(
        GetEnrichmentRequest(name=audience.enrichment)
    )
    behind = max(0, audience.progress.pending - answer.enrichment.progress.pending)
    return ok(
        subject,
        "the audience service reaches the enrichment service; on the way of "
        f"{short(audience.name)}: {counted(behind, 'result')}",
    )


def _records(budgets: Sequence[ViewBudget]) -> Finding:
    lost = [short(each.name.removesuffix("/viewBudget")) for each in budgets if each.day_lost]
    if not lost:
        return ok("records of views", "complete for today")
    return problem(
        "records of views",
        f"lost for today, so every view is refused: {_first(lost)}",
        "Nothing to do but wait for 00:00 UTC. Find out why the store lost data: is it the right "
        "one, with appendonly yes and appendfsync always?",
    )


def _clock(budgets: Sequence[ViewBudget], *, stepped: bool) -> Finding:
    """The services tell their day, not their time: skew shows when the days differ."""
    subject = "clocks"
    day = budgets[0].date
    if stepped:
        return ok(subject, f"the stack has a stepped clock; its day is {day}")
    now = datetime.now(tz=UTC)
    possible = {f"{now - _MIDNIGHT:%Y-%m-%d}", f"{now:%Y-%m-%d}", f"{now + _MIDNIGHT:%Y-%m-%d}"}
    if day in possible:
        return ok(subject, f"the store and this machine agree that it is {day}")
    return problem(
        subject,
        f"the store says that it is {day}, this machine {now:%Y-%m-%d} (UTC)",
        "Set both clocks by NTP. Views are counted by the day of the store.",
    )


def _waiting(accounts: Sequence[Account]) -> list[Finding]:
    waiting = [each for each in accounts if each.pause.waits_for_person]
    if not waiting:
        return [ok("accounts", f"{len(accounts)} of them, none waits for a person")]
    return [
        warning(
            "accounts",
            f"{short(each.name)}: {pause_in_words(each.pause)}",
            f"Settle it, then: audiencectl account reconnect {short(each.name)}.",
        )
        for each in waiting[:_NAMED]
    ]


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
