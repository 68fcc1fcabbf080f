"""The example engine against a real stack, killed again and again: nobody gets two messages."""

import asyncio
import os
import random
import sqlite3
import sys
from pathlib import Path

from audience.v1.audiences_pb2 import StreamProspectsRequest
from enrichment.v1.accounts_pb2 import ACCOUNT_STRATEGY_VETERAN
from enrichment.v1.view_budgets_pb2 import VIEW_PURPOSE_CAMPAIGN_STEP, GetViewBudgetRequest

from clients.subscription import stream_prospects
from tests.end_to_end.job import WORKSPACE, Job

_KILLS = 6


async def test_a_campaign_that_is_killed_sends_to_nobody_twice(job: Job, tmp_path: Path) -> None:
    names: list[str] = []
    # Two audiences share people, on one account that has 50 views today for all of it.
    await job.connect("vera", ACCOUNT_STRATEGY_VETERAN)
    for audience, people in (("first", range(12)), ("second", range(8, 18))):
        file = tmp_path / f"{audience}.csv"
        file.write_text("".join(f"https://linkedin.com/in/member-{each}\n" for each in people))
        names.append(await job.audience(audience, account="vera"))
        await job.import_sample(names[-1], file)
        await job.start(names[-1])

    lines: list[str] = []
    for kill in range(_KILLS + 1):
        lines += await _run(job, names, tmp_path, kill_behind=3 if kill < _KILLS else None)

    sent_to = [line.partition(": ")[0] for line in lines]
    assert len(set(sent_to)) == len(sent_to)
    request = StreamProspectsRequest(audiences=names)
    members = {
        member.prospect.name: member.prospect
        async for message in stream_prospects(job.audiences.audiences, request)
        for member in message.members
    }
    with sqlite3.connect(tmp_path / "book.db") as book:
        states: dict[str, str] = dict(book.execute("SELECT prospect, state FROM people"))
    book.close()
    assert members.keys() <= states.keys()
    assert set(states.values()) <= {"sent", "sending", "same_person"}
    # What is in doubt is at most what was on its way at a kill.
    in_doubt = {prospect for prospect, state in states.items() if state == "sending"}
    assert len(in_doubt) <= _KILLS
    assert {each for each, state in states.items() if state == "sent"} - set(sent_to) == set()
    # The data had arrived before the message went out.
    for line in lines:
        prospect, _, text = line.partition(": ")
        assert text == f"Hi {members[prospect].first_name or 'there'}!"
    # Each View Profile step was charged once, whatever died.
    budget = await job.enrichment.view_budgets.GetViewBudget(
        GetViewBudgetRequest(name=f"{WORKSPACE}/accounts/vera/viewBudget")
    )
    by_purpose = {usage.purpose: usage.committed for usage in budget.view_budget.usages}
    assert by_purpose[VIEW_PURPOSE_CAMPAIGN_STEP] == len(states)


async def _run(job: Job, names: list[str], folder: Path, *, kill_behind: int | None) -> list[str]:
    """Lines of one run, ended by kill -9 shortly behind so many of them, or by itself."""
    audiences = [option for name in names for option in ("--audience", name)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "clients.campaign_engine", *audiences),
        *("--template", "Hi {{firstName|there}}!", "--book", str(folder / "book.db")),
        *("--audience-address", job.stack.audience),
        *("--enrichment-address", job.stack.enrichment, "--until-done"),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(120):
        while line := await process.stdout.readline():
            lines.append(line.decode().rstrip("\n"))
            if kill_behind is not None and len(lines) >= kill_behind:
                # Anywhere within the next steps.
                await asyncio.sleep(random.uniform(0, 0.02))
                process.kill()
                kill_behind = None
        await process.wait()
    return lines
