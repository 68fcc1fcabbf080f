"""The demo's job: two accounts, two files, enriched side by side until nothing is left to view."""

import asyncio
import csv
import uuid
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from audience.v1.audiences_pb2 import (
    Audience,
    CreateAudienceRequest,
    GetAudienceRequest,
    ImportReceipt,
    PauseEnrichmentRequest,
    ResumeEnrichmentRequest,
    StartEnrichmentRequest,
)
from enrichment.v1.accounts_pb2 import Account, AccountStrategy, ConnectAccountRequest
from enrichment.v1.events_pb2 import (
    EVENT_VIEW_BASIC,
    START_POSITION_EARLIEST,
    EventFilter,
    SubscribeEventsRequest,
)
from rich.console import Console

from clients.audience import AudienceClient
from clients.audiencectl.demo_view import AccountNews, AudienceNews, LiveView, News
from clients.audiencectl.importing import import_with_progress, progress_bar
from clients.audiencectl.output import counted, forecast_in_words
from clients.audiencectl.simulator import Simulator
from clients.enrichment import EnrichmentClient
from clients.subscription import subscribe

SAMPLES = Path(__file__).parent.parent / "samples"
_PARENT = "workspaces/demo"
_POLL_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Job:
    """A file for one account."""

    audience: str
    file: Path
    account: str
    strategy: str


# The long file goes to the strong account, so both are at it for about as many days.
JOBS = (
    Job(
        audience="connections",
        file=SAMPLES / "Connections.csv",
        account="veteran",
        strategy="veteran",
    ),
    Job(
        audience="sales-leads",
        file=SAMPLES / "sales_navigator_export.csv",
        account="newcomer",
        strategy="new",
    ),
)


@dataclass(kw_only=True)
class Run:
    """A job on its way: the audience as it stood before the first view, and as it stands now."""

    job: Job
    account: Account
    receipt: ImportReceipt
    news: AccountNews
    start: Audience = field(default_factory=Audience)
    end: Audience = field(default_factory=Audience)


class Scenario:
    """The job, step by step, as any caller of the two services would do it."""

    def __init__(
        self, *, audience: AudienceClient, enrichment: EnrichmentClient, simulator: Simulator
    ) -> None:
        self._audience = audience
        self._enrichment = enrichment
        self._simulator = simulator

    async def introduce_people(self) -> None:
        """Tell the simulated LinkedIn which Sales Navigator id belongs to which public profile."""
        await self._simulator.declare(await asyncio.to_thread(_people_of_export))

    async def connect(self, job: Job) -> Account:
        """Connect the job's account."""
        strategy = AccountStrategy.Value(f"ACCOUNT_STRATEGY_{job.strategy.upper()}")
        answer = await self._enrichment.accounts.ConnectAccount(
            ConnectAccountRequest(
                parent=_PARENT,
                account_id=job.account,
                account=Account(provider_account_id=f"demo-{job.account}", strategy=strategy),
            )
        )
        return answer.account

    async def import_people(self, job: Job) -> ImportReceipt:
        """Create the audience and import the file, with a progress bar."""
        name = _audience_name(job)
        await self._audience.audiences.CreateAudience(
            CreateAudienceRequest(
                parent=_PARENT,
                audience_id=job.audience,
                audience=Audience(account=f"{_PARENT}/accounts/{job.account}"),
            )
        )
        with job.file.open("rb") as file, progress_bar(job.file.name) as advance:
            return await import_with_progress(
                self._audience,
                file,
                audience=name,
                request_id=uuid.uuid4().hex,
                advance=advance,
            )

    async def hold(self, job: Job) -> None:
        """Start the enrichment, but make no view before the forecast has been read."""
        name = _audience_name(job)
        await self._audience.audiences.StartEnrichment(StartEnrichmentRequest(name=name))
        await self._audience.audiences.PauseEnrichment(PauseEnrichmentRequest(name=name))

    async def submitted(self, job: Job) -> Audience:
        """The audience once all its members have been submitted."""
        while True:
            audience = await self.read(job)
            if audience.enrichment and not audience.progress.not_submitted:
                return audience
            await asyncio.sleep(_POLL_SECONDS)

    async def go(self, job: Job) -> None:
        """Let the views begin."""
        request = ResumeEnrichmentRequest(name=_audience_name(job))
        await self._audience.audiences.ResumeEnrichment(request)

    async def read(self, job: Job) -> Audience:
        """The audience with progress and forecast."""
        request = GetAudienceRequest(name=_audience_name(job))
        return (await self._audience.audiences.GetAudience(request)).audience

    async def follow(self, runs: Sequence[Run], news: News, view: LiveView) -> None:
        """Show the event stream until no audience has anything left to do."""
        request = SubscribeEventsRequest(
            filter=EventFilter(workspaces=[_PARENT]),
            view=EVENT_VIEW_BASIC,
            start_position=START_POSITION_EARLIEST,
        )
        listening = asyncio.create_task(self._listen(request, news))
        try:
            while not listening.done():
                for run in runs:
                    run.end = await self.read(run.job)
                    shown = news.audiences[run.end.enrichment]
                    shown.forecast.CopyFrom(run.end.progress.forecast)
                view.refresh()
                if all(_is_done(run.end) for run in runs):
                    return
                await asyncio.sleep(_POLL_SECONDS)
            listening.result()
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    async def _listen(self, request: SubscribeEventsRequest, news: News) -> None:
        async with aclosing(subscribe(self._enrichment.events, request)) as messages:
            async for message in messages:
                for event in message.batch.events:
                    news.take_in(event)

    def _news_of(self, runs: Sequence[Run]) -> News:
        return News(
            accounts={run.account.name: run.news for run in runs},
            audiences={
                run.start.enrichment: AudienceNews(
                    title=run.job.audience, people=run.start.progress.members
                )
                for run in runs
            },
        )

    async def play(self, console: Console) -> list[Run]:
        """The whole job; gives what became of each part."""
        say = partial(console.print, highlight=False, soft_wrap=True)
        await self.introduce_people()
        runs: list[Run] = []
        for job in JOBS:
            account = await self.connect(job)
            say(
                f"Connected {job.account}: {job.strategy}, {account.daily_cap} a day",
            )
            receipt = await self.import_people(job)
            say(
                f"Imported {job.file.name} into {job.audience}: {counted(receipt.rows, 'row')}, "
                f"{counted(receipt.added, 'person', 'people')}, {receipt.merged} merged, "
                f"{receipt.no_profile} without a profile, {receipt.rejected} rejected",
            )
            runs.append(
                Run(
                    job=job,
                    account=account,
                    receipt=receipt,
                    news=AccountNews(title=job.account),
                )
            )
            await self.hold(job)
        for run in runs:
            run.start = await self.submitted(run.job)
            forecast = forecast_in_words(run.start.progress.forecast)
            say(f"Forecast for {run.job.audience}: {forecast}")
        for run in runs:
            await self.go(run.job)
        news = self._news_of(runs)
        with LiveView(news, console=console) as view:
            await self.follow(runs, news, view)
        return runs


def _is_done(audience: Audience) -> bool:
    return not audience.progress.pending and not audience.progress.not_submitted


def _audience_name(job: Job) -> str:
    return f"{_PARENT}/audiences/{job.audience}"


def _people_of_export() -> list[dict[str, str]]:
    export = SAMPLES / "sales_navigator_export.csv"
    with export.open(encoding="utf-8-sig", newline="") as file:
        return [
            {
                "vanity": unquote(row["defaultProfileUrl"].rstrip("/").rpartition("/in/")[2]),
                "sales_id": row["vmid"],
            }
            for row in csv.DictReader(file)
        ]
