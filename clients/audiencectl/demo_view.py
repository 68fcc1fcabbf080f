"""What the event stream says, as it comes: accounts and audiences in a few lines."""

import time
from dataclasses import dataclass, field
from typing import Final

from enrichment.v1.enrichments_pb2 import EnrichmentProgress, Forecast
from enrichment.v1.events_pb2 import (
    EVENT_TYPE_ACCOUNT_PAUSED,
    EVENT_TYPE_ACCOUNT_RESUMED,
    BudgetSummary,
    Event,
)
from enrichment.v1.pauses_pb2 import PAUSE_REASON_DAILY_CAP_REACHED, Pause
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from clients.audiencectl.output import counted, pause_in_words, table_of, when

_LINE_SECONDS: Final = 2.0


@dataclass
class AccountNews:
    """What the stream has told of an account so far."""

    title: str
    budget: BudgetSummary = field(default_factory=BudgetSummary)
    pause: Pause = field(default_factory=Pause)
    cap_pauses: int = 0
    resumptions: int = 0


@dataclass
class AudienceNews:
    """What is known of an audience: counts by the stream, people and forecast by GetAudience."""

    title: str
    people: int
    progress: EnrichmentProgress = field(default_factory=EnrichmentProgress)
    forecast: Forecast = field(default_factory=Forecast)


class News:
    """Accounts by resource name, audiences by the resource name of their enrichment."""

    def __init__(
        self, *, accounts: dict[str, AccountNews], audiences: dict[str, AudienceNews]
    ) -> None:
        self.accounts = accounts
        self.audiences = audiences
        self.now = ""

    def take_in(self, event: Event) -> None:
        """Note what an event says."""
        self.now = when(event.event_time)
        if account := self.accounts.get(event.account):
            if event.HasField("budget"):
                account.budget = event.budget
            if event.type == EVENT_TYPE_ACCOUNT_PAUSED:
                account.pause = event.pause
                account.cap_pauses += event.pause.reason == PAUSE_REASON_DAILY_CAP_REACHED
            if event.type == EVENT_TYPE_ACCOUNT_RESUMED:
                account.pause = Pause()
                account.resumptions += 1
        audience = self.audiences.get(event.enrichment)
        if audience and event.HasField("progress"):
            audience.progress = event.progress


class LiveView:
    """Shows the news: in place on a terminal, otherwise a line every two seconds."""

    def __init__(self, news: News, *, console: Console) -> None:
        self._news = news
        self._console = console
        self._live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
        self._next_line = 0.0

    def __enter__(self) -> "LiveView":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.update(self._tables(), refresh=True)
            self._live.stop()
        else:
            self._console.print(self._line(), highlight=False, soft_wrap=True)

    def refresh(self) -> None:
        """Show how things are now."""
        if self._live:
            self._live.update(self._tables())
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_SECONDS
            self._console.print(self._line(), highlight=False, soft_wrap=True)

    def _tables(self) -> Group:
        accounts = table_of(
            ("account", "day", "views", "state", "pauses at the cap", "resumed"),
            [
                (
                    each.title,
                    each.budget.date,
                    f"{each.budget.committed} of {each.budget.limit}",
                    pause_in_words(each.pause) or "at work",
                    each.cap_pauses,
                    each.resumptions,
                )
                for each in self._news.accounts.values()
            ],
        )
        audiences = Table(
            "audience", "", "enriched", "cached", "partial", "failed", "pending", "done"
        )
        for each in self._news.audiences.values():
            counts = each.progress
            bar = ProgressBar(total=each.people, completed=each.people - _left(each), width=24)
            audiences.add_row(
                each.title,
                bar,
                f"{counts.enriched}",
                f"{counts.cached}",
                f"{counts.partial}",
                f"{counts.failed}",
                f"{_left(each)}",
                each.forecast.earliest_complete_date,
            )
        return Group(f"{self._news.now} UTC, on the stepped clock", accounts, audiences)

    def _line(self) -> str:
        parts = [self._news.now or "starting"]
        parts += [
            f"{each.title}: {each.budget.committed}/{counted(each.budget.limit, 'view')}"
            f"{', ' + pause_in_words(each.pause) if each.pause.reason else ''}"
            f" ({each.resumptions} resumed)"
            for each in self._news.accounts.values()
        ]
        parts += [
            f"{each.title}: {each.people - _left(each)}/{each.people} "
            f"({each.progress.enriched} enriched, {each.progress.cached} cached, "
            f"{each.progress.failed} failed), done {_done(each)}"
            for each in self._news.audiences.values()
        ]
        return " | ".join(parts)


def _done(audience: AudienceNews) -> str:
    """The day on which it will be done, if that is known."""
    if not _left(audience):
        return "now"
    return audience.forecast.earliest_complete_date or "on a day not known yet"


def _left(audience: AudienceNews) -> int:
    counts = audience.progress
    return audience.people - (counts.enriched + counts.cached + counts.partial + counts.failed)
