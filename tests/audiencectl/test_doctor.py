"""`audiencectl doctor` against a sound pair, and against what can be wrong with one."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from enrichment.v1.accounts_pb2 import Account, ListAccountsRequest, ListAccountsResponse
from enrichment.v1.events_pb2 import (
    EventLogPartition,
    GetEventLogRequest,
    GetEventLogResponse,
)
from enrichment.v1.view_budgets_pb2 import (
    BatchGetViewBudgetsRequest,
    BatchGetViewBudgetsResponse,
    ViewBudget,
)
from typer.testing import CliRunner

from clients.audiencectl.doctor_contract import (
    Contract,
    compare,
    compare_services,
    local_contract,
)
from clients.audiencectl.doctor_findings import Level
from clients.audiencectl.doctor_state import check_accounts, check_event_log
from clients.audiencectl.main import app
from clients.enrichment import EnrichmentClient
from tests.audiencectl.conftest import Cli
from tests.audiencectl.recorder import recording
from tests.clients.real_server import serving, unary


def findings(cli: Cli, *options: str, status: int) -> dict[str, list[dict[str, str]]]:
    """What the doctor finds, by how bad it is."""
    ended = cli(*options, "doctor", "--json")
    assert ended.exit_code == status, ended.output
    document = json.loads(ended.stdout)
    assert document["ok"] is (status == 0)
    by_level: dict[str, list[dict[str, str]]] = {}
    for each in document["findings"]:
        by_level.setdefault(each["level"], []).append(each)
    return by_level


def test_a_sound_pair_is_sound(cli: Cli) -> None:
    cli(
        *("--workspace", "sound", "account", "connect", "ada"),
        *("--provider-account-id", "sound-ada", "--strategy", "new"),
    )
    found = findings(cli, "--workspace", "sound", status=0)
    assert "problem" not in found
    assert {each["subject"] for each in found["ok"]} >= {
        "enrichment service",
        "audience service",
        "enrichment contract",
        "audience contract",
        "contract between the services",
        "records of views",
        "clocks",
        "event log",
    }


def test_an_account_that_waits_for_a_person_is_told_with_what_to_do(cli: Cli) -> None:
    words = ("--workspace", "waiting", "account")
    cli(*words, "connect", "ada", "--provider-account-id", "waiting-ada", "--strategy", "new")
    cli(*words, "disconnect", "ada")
    found = findings(cli, "--workspace", "waiting", status=0)
    (warned,) = [each for each in found["warning"] if each["subject"] == "accounts"]
    assert "account disconnected" in warned["found"]
    assert "audiencectl account reconnect ada" in warned["advice"]


def test_linking_is_seen_through_an_audience_that_is_enriched(cli: Cli) -> None:
    words = ("--workspace", "linked")
    cli(
        *(*words, "account", "connect", "ada"),
        *("--provider-account-id", "linked-ada", "--strategy", "new"),
    )
    cli(*words, "audience", "create", "people", "--account", "ada")
    cli(*words, "audience", "add", "people", "https://www.linkedin.com/in/grace-hopper")
    cli(*words, "audience", "enrich", "people")
    found = findings(cli, *words, status=0)
    assert any("reaches the enrichment service" in each["found"] for each in found["ok"])


def test_a_service_that_is_not_there_is_a_problem(cli: Cli) -> None:
    found = findings(cli, "--audience", "127.0.0.1:1", status=1)
    (told,) = found["problem"]
    assert told["subject"] == "audience service"
    assert "audiencectl up" in told["advice"]


def test_addresses_that_are_mixed_up_are_a_problem(cli: Cli) -> None:
    addresses = json.loads((cli.data_dir / "addresses.json").read_text())
    swapped = ("--audience", addresses["enrichment"], "--enrichment", addresses["audience"])
    found = findings(cli, *swapped, status=1)
    assert len(found["problem"]) == 2
    assert all("mixed up" in each["advice"] for each in found["problem"])


def test_a_port_that_speaks_something_else_is_a_problem(cli: Cli) -> None:
    store = json.loads((cli.data_dir / "addresses.json").read_text())["store"]
    (told,) = findings(cli, "--enrichment", store, status=1)["problem"]
    assert "TLS" in told["advice"]


def test_people_read_the_same(cli: Cli) -> None:
    ended = cli("--audience", "127.0.0.1:1", "doctor")
    assert ended.exit_code == 1
    assert "PROBLEM  audience service: 127.0.0.1:1 cannot be reached" in ended.stdout
    assert "  -> Is it started?" in ended.stdout


def test_without_health_it_says_what_may_be_the_matter() -> None:
    with recording() as recorder:
        servers = ("--enrichment", recorder.address, "--audience", recorder.address)
        ended = CliRunner().invoke(app, [*servers, "doctor"])
    # An empty answer says UNKNOWN and not SERVING.
    assert ended.exit_code == 1
    assert "not serving" in ended.stdout


def test_what_a_server_lacks_is_a_problem_and_what_it_adds_a_warning() -> None:
    ours = local_contract("enrichment")
    older = Contract(parts=ours.parts - {"AccountService/ListAccounts", "Account.etag"})
    (finding,) = compare("contract", server=older, ours=ours, server_is="the server")
    assert finding.level is Level.PROBLEM
    assert "Account.etag, AccountService/ListAccounts" in finding.found
    (finding,) = compare("contract", server=ours, ours=older, server_is="the server")
    assert finding.level is Level.WARNING
    assert compare_services(held=ours, served=older).level is Level.PROBLEM
    assert compare_services(held=older, served=ours).level is Level.OK


@pytest.mark.parametrize(
    ("budget", "subject"),
    [
        (ViewBudget(date="2001-01-01"), "clocks"),
        (ViewBudget(date="2001-01-01", day_lost=True), "records of views"),
    ],
)
async def test_a_day_that_differs_or_was_lost_is_a_problem(
    budget: ViewBudget, subject: str
) -> None:
    async with _with_budget(budget) as client:
        found = await check_accounts(client, parent="workspaces/w", stepped=False)
    assert subject in {each.subject for each in found if each.level is Level.PROBLEM}


async def test_a_stepped_clock_may_differ() -> None:
    async with _with_budget(ViewBudget(date="2001-01-01")) as client:
        found = await check_accounts(client, parent="workspaces/w", stepped=True)
    assert all(each.level is Level.OK for each in found)


@asynccontextmanager
async def _with_budget(budget: ViewBudget) -> AsyncGenerator[EnrichmentClient]:
    name = "workspaces/w/accounts/a"
    budget.name = f"{name}/viewBudget"

    async def accounts(request: ListAccountsRequest, _: object) -> ListAccountsResponse:
        return ListAccountsResponse(accounts=[Account(name=name)])

    async def budgets(
        request: BatchGetViewBudgetsRequest, _: object
    ) -> BatchGetViewBudgetsResponse:
        assert list(request.names) == [budget.name]
        return BatchGetViewBudgetsResponse(view_budgets=[budget])

    async with (
        serving(
            unary(
                "enrichment.v1.AccountService/ListAccounts",
                accounts,
                request=ListAccountsRequest,
                response=ListAccountsResponse,
            ),
            unary(
                "enrichment.v1.ViewBudgetService/BatchGetViewBudgets",
                budgets,
                request=BatchGetViewBudgetsRequest,
                response=BatchGetViewBudgetsResponse,
            ),
        ) as server,
        EnrichmentClient(server.address) as client,
    ):
        yield client


async def test_an_event_log_without_events_is_not_said_to_reach_back() -> None:
    async def answer(_request: GetEventLogRequest, _context: object) -> GetEventLogResponse:
        return GetEventLogResponse(partitions=[EventLogPartition(index=0)], subscriber_count=1)

    handler = unary(
        "enrichment.v1.EventService/GetEventLog",
        answer,
        request=GetEventLogRequest,
        response=GetEventLogResponse,
    )
    async with serving(handler) as server, EnrichmentClient(server.address) as client:
        found = (await check_event_log(client))[0].found
    assert found.startswith("0 events in 1 partition,")
    assert "since" not in found
