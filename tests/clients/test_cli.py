"""audiencectl as a person and as a script use it: tables or JSON, exit status, what to do next."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from audience.v1.audiences_pb2 import (
    GetImportReceiptResponse,
    ListAudienceProspectsResponse,
    ListAudiencesResponse,
)
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_NEW, ListAccountsResponse
from enrichment.v1.events_pb2 import SubscribeEventsResponse
from enrichment.v1.view_budgets_pb2 import ConsumeViewsResponse
from google.protobuf.json_format import Parse

from tests.support.stack_process import Ended, command, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLES = Path(__file__).parents[2] / "clients" / "samples"


class Cli:
    """audiencectl against one stack."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    async def __call__(self, *arguments: str) -> Ended:
        return await command("--data-dir", str(self._data_dir), *arguments)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cli(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Cli]:
    data_dir = tmp_path_factory.mktemp("stack") / "data"
    async with running(data_dir, "--stepped-clock", "--start-time", "2026-03-02T08:00:00Z"):
        yield Cli(data_dir)


async def test_accounts_and_budget(cli: Cli) -> None:
    connected = await cli(
        "account", "connect", "ada", "--provider-account-id", "ada", "--strategy", "new"
    )
    assert connected.status == 0, connected.stderr
    assert "workspaces/demo/accounts/ada" in connected.stdout

    listed = await cli("account", "list", "--json")
    (account,) = Parse(listed.stdout, ListAccountsResponse()).accounts
    assert (account.strategy, account.daily_cap) == (ACCOUNT_STRATEGY_NEW, 10)

    consumed = await cli("budget", "consume", "ada", "4", "--json")
    assert Parse(consumed.stdout, ConsumeViewsResponse()).view_budget.available == 6

    refused = await cli("budget", "consume", "ada", "7", "--json")
    assert refused.status == 5
    assert refused.stdout == ""
    assert "VIEW_BUDGET_EXHAUSTED" in refused.stderr
    assert "Try again in 16 h" in refused.stderr

    advanced = await cli("clock", "advance", "1d", "--json")
    assert json.loads(advanced.stdout)["now"].startswith("2026-03-03T")
    assert (await cli("budget", "consume", "ada", "7")).status == 0

    events = await cli("event", "subscribe", "--from", "earliest", "--once", "--json")
    messages = [Parse(line, SubscribeEventsResponse()) for line in events.stdout.splitlines()]
    assert messages[0].HasField("opened")
    assert all(message.cursor for message in messages)
    assert account.name in {event.account for each in messages for event in each.batch.events}


async def test_a_file_is_imported_and_its_rows_are_accounted_for(cli: Cli) -> None:
    await cli("audience", "create", "people")
    file = str(SAMPLES / "Connections.csv")
    imported = await cli("import", file, "--audience", "people", "--json")
    assert imported.status == 0, imported.stderr
    answer = Parse(imported.stdout, GetImportReceiptResponse())
    receipt = answer.receipt
    assert (receipt.rows, receipt.added) == (1000, 960)
    assert (receipt.merged, receipt.no_profile, receipt.rejected) == (18, 18, 4)
    assert len({row.row for row in answer.rows}) == 40
    members = await cli("audience", "members", "people", "--limit", "3")
    assert members.status == 0
    assert "not submitted" in members.stdout


async def test_an_audience_is_labelled_deleted_and_brought_back(cli: Cli) -> None:
    await cli("audience", "create", "fair")
    labelled = await cli(
        *("audience", "update", "fair", "--label", "team=sales", "--label", "goal=x"),
        *("--description", "Met at the fair"),
    )
    assert labelled.status == 0, labelled.stderr
    assert "goal=x, team=sales" in labelled.stdout
    assert (await cli("audience", "update", "fair", "--label", "goal")).status == 0

    async def listed(*options: str) -> list[str]:
        found = await cli("audience", "list", "--filter", "labels:team", *options, "--json")
        answer = Parse(found.stdout, ListAudiencesResponse())
        return [f"{dict(each.labels)} {each.description}" for each in answer.audiences]

    fair = "{'team': 'sales'} Met at the fair"
    assert await listed() == [fair]
    assert (await cli("audience", "delete", "fair")).status == 0
    assert (await listed(), await listed("--show-deleted")) == ([], [fair])
    assert (await cli("audience", "undelete", "fair")).status == 0
    assert await listed("--order-by", "create_time desc") == [fair]
    refused = await cli("audience", "list", "--filter", "labels.team >")
    assert refused.status == 2
    assert "at character 14" in refused.stderr


def names_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def test_what_is_exported_imports_as_the_same_people(cli: Cli, tmp_path: Path) -> None:
    names = ["=1+1", "'@home", "-x", 'Zoë, "Z"', "\N{FULLWIDTH PLUS SIGN}1", "O'Neil"]
    urls = [f"https://www.linkedin.com/in/exported-{number}" for number in range(len(names))]
    await cli("audience", "create", "source")
    await cli("audience", "add", "source", *urls)

    async def people(*where: str) -> dict[str, tuple[str, str]]:
        listed = await cli(*where, "audience", "members", "source", "--json")
        found = Parse(listed.stdout, ListAudienceProspectsResponse()).members
        return {
            each.prospect.profile_url: (each.prospect.name, each.prospect.first_name)
            for each in found
        }

    for url, name in zip(urls, names, strict=True):
        prospect, _ = (await people())[url]
        await cli("prospect", "update", prospect, f"--first-name={name}")
    file = tmp_path / "source.csv"
    exported = await cli("export", "source", "--out", str(file))
    assert exported.status == 0, exported.stderr
    assert f"Wrote {len(names)} people" in exported.stdout
    assert names_in(tmp_path) == ["source.csv"]

    again = await cli("import", str(file), "--audience", "source", "--json")
    assert Parse(again.stdout, GetImportReceiptResponse()).receipt.already_there == len(names)
    other = ("--workspace", "other")
    await cli(*other, "audience", "create", "source")
    assert (await cli(*other, "import", str(file), "--audience", "source")).status == 0
    theirs = await people(*other)
    assert [theirs[url][1] for url in urls] == names

    refused = await cli("export", "nobody", "--out", str(tmp_path / "nobody.csv"))
    assert (refused.status, "AUDIENCE_NOT_FOUND" in refused.stderr) == (4, True)
    assert names_in(tmp_path) == ["source.csv"]
    lost = await cli("export", "source", "--out", str(tmp_path / "no" / "where.csv"))
    assert (lost.status, "cannot be written" in lost.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("account", "get", "nobody"), 4, "ACCOUNT_NOT_FOUND"),
        (("account", "get", "Not An Id"), 2, "name"),
        (("account", "update", "ada"), 2, "Nothing to change"),
        (("audience", "update", "people"), 2, "Nothing to change"),
        (("clock", "advance", "soon"), 2, "90s, 15m"),
        (("count", "--token", "t", "--include", "skills"), 2, "skills=urn:li:skill:17"),
        (("no-such-command",), 2, "no-such-command"),
        (
            ("--enrichment", "127.0.0.1:1", "--timeout", "0.5", "account", "list"),
            3,
            "audiencectl up",
        ),
    ],
)
async def test_failures_say_what_to_do(
    cli: Cli, arguments: tuple[str, ...], status: int, said: str
) -> None:
    ended = await cli(*arguments)
    assert ended.status == status
    assert said in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


async def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    ended = await command("--data-dir", str(tmp_path), "account", "list")
    assert ended.status == 3
    assert "audiencectl up" in ended.stderr


async def test_members_are_counted(cli: Cli) -> None:
    ended = await cli(
        "count", "--token", "simulated", "--include", "skills=urn:li:skill:17", "--json"
    )
    assert ended.status == 0, ended.stderr
    assert json.loads(ended.stdout)
