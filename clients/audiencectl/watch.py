"""`audiencectl watch`: accounts, enrichments, audiences and events, live."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Annotated, Final

import typer
from audience.v1.audiences_pb2 import ListAudiencesRequest
from enrichment.v1.accounts_pb2 import ListAccountsRequest
from enrichment.v1.enrichments_pb2 import Enrichment, GetEnrichmentRequest, ListEnrichmentsRequest
from enrichment.v1.events_pb2 import (
    EVENT_VIEW_BASIC,
    START_POSITION_NOW,
    Event,
    SubscribeEventsRequest,
)
from enrichment.v1.view_budgets_pb2 import BatchGetViewBudgetsRequest
from rich.live import Live

from clients.audience import AudienceClient
from clients.audiencectl.event_filters import Accounts, Enrichments, event_filter
from clients.audiencectl.event_lines import event_line
from clients.audiencectl.failures import describe, explained
from clients.audiencectl.output import print_json
from clients.audiencectl.session import AsJson, Session, session_of
from clients.audiencectl.signals import run_until_signal
from clients.audiencectl.watch_board import Board
from clients.audiencectl.watch_screen import Screen, summary_lines
from clients.enrichment import EnrichmentClient
from clients.errors import RpcFailed, SnapshotNeeded
from clients.subscription import subscribe

_MOST: Final = 100
"""Of each kind; that many budgets are answered in one call, and no terminal is longer."""
_MOST_FORECASTS: Final = 20
_FRAME_SECONDS: Final = 0.25
_LEAST_SECONDS: Final = 1.0

Tell = Callable[[Event], None]


def watch(
    ctx: typer.Context,
    account: Accounts = None,
    enrichment: Enrichments = None,
    interval: Annotated[
        float, typer.Option(min=_LEAST_SECONDS, help="Seconds between looks at the lists.")
    ] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Show how things stand, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch accounts, pauses, enrichments, audiences and events live, until Ctrl-C.

    Where stdout is no terminal: how things stand, then events, a line each. With --json events.
    """
    session = session_of(ctx)
    wanted = SubscribeEventsRequest(
        filter=event_filter(session, accounts=account, enrichments=enrichment, types=None),
        view=EVENT_VIEW_BASIC,
        start_position=START_POSITION_NOW,
    )

    async def run() -> None:
        async with session.enrichment_client() as enriching, session.audience_client() as holding:
            look = Look(session, enriching, holding)
            await look.at_all()
            if once:
                _print_summary(look.board)
            elif as_json:
                await _follow(look, wanted, tell=lambda event: print_json(event, indent=None))
            elif sys.stdout.isatty():
                await _show(look, wanted, interval=interval)
            else:
                await _follow(look, wanted, tell=lambda event: _print(event_line(event)), say=True)

    with explained():
        asyncio.run(run_until_signal(run()))


class Look:
    """Asks for the lists."""

    def __init__(
        self, session: Session, enriching: EnrichmentClient, holding: AudienceClient
    ) -> None:
        self.board = Board(workspace=session.parent)
        self.enriching = enriching
        self._holding = holding

    async def at_all(self) -> None:
        """Ask both services; RpcFailed when the enrichment service does not answer."""
        await self._at_enriching()
        await self._noted("audience", self._at_holding)

    async def again(self, *, interval: float) -> None:
        """Ask at every interval, and sooner when an event tells of something new."""
        while True:
            try:
                async with asyncio.timeout(interval):
                    await self.board.outdated.wait()
                    # News come in bursts: one look for all of them.
                    await asyncio.sleep(_LEAST_SECONDS)
            except TimeoutError:
                pass
            self.board.outdated.clear()
            await self._noted("enrichment", self._at_enriching)
            await self._noted("audience", self._at_holding)

    async def _noted(self, service: str, look: Callable[[], Awaitable[None]]) -> None:
        """Look; a failure stands on the screen until it works again."""
        try:
            await look()
        except RpcFailed as error:
            self.board.troubles[service] = f"{service} service: {describe(error)}"
        else:
            self.board.troubles.pop(service, None)

    async def _at_enriching(self) -> None:
        client, parent = self.enriching, self.board.workspace
        accounts = (
            await client.accounts.ListAccounts(ListAccountsRequest(parent=parent, page_size=_MOST))
        ).accounts
        names = [f"{each.name}/viewBudget" for each in accounts]
        request = BatchGetViewBudgetsRequest(parent=parent, names=names)
        budgets = (
            (await client.view_budgets.BatchGetViewBudgets(request)).view_budgets if names else []
        )
        listed = await client.enrichments.ListEnrichments(
            ListEnrichmentsRequest(parent=parent, page_size=_MOST)
        )
        self.board.list_accounts(accounts, budgets)
        self.board.list_enrichments(await self._forecast(listed.enrichments))

    async def _forecast(self, enrichments: Sequence[Enrichment]) -> list[Enrichment]:
        """The enrichments, the first that are at work with their forecast: a list has none."""
        at_work = [each.name for each in enrichments if each.progress.pending][:_MOST_FORECASTS]
        requests = [GetEnrichmentRequest(name=name) for name in at_work]
        answers = await asyncio.gather(*map(self.enriching.enrichments.GetEnrichment, requests))
        found = {answer.enrichment.name: answer.enrichment for answer in answers}
        return [found.get(each.name, each) for each in enrichments]

    async def _at_holding(self) -> None:
        request = ListAudiencesRequest(parent=self.board.workspace, page_size=_MOST)
        self.board.list_audiences((await self._holding.audiences.ListAudiences(request)).audiences)


async def _show(look: Look, wanted: SubscribeEventsRequest, *, interval: float) -> None:
    """The screen, until cancelled; the terminal is as before after that."""
    refused: RpcFailed | None = None
    with Live(Screen(look.board), screen=True, auto_refresh=False) as live:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(look.again(interval=interval))
                tasks.create_task(_follow(look, wanted, tell=lambda _: None))
                while True:
                    live.refresh()
                    await asyncio.sleep(_FRAME_SECONDS)
        except* RpcFailed as group:
            refused = next(each for each in group.exceptions if isinstance(each, RpcFailed))
    # Only now, when the terminal is back, can the reason be read.
    if refused is not None:
        raise refused


async def _follow(
    look: Look, wanted: SubscribeEventsRequest, *, tell: Tell, say: bool = False
) -> None:
    """Take in and tell events as they come; ``say`` how things stood when they began."""
    while True:
        try:
            async with aclosing(subscribe(look.enriching.events, wanted)) as messages:
                async for message in messages:
                    look.board.following |= message.HasField("opened")
                    if say and look.board.following:
                        # Looked at once more: nothing falls between the lists and the events.
                        await look.at_all()
                        _print_summary(look.board)
                        say = False
                    for event in message.batch.events:
                        look.board.take_in(event)
                        tell(event)
        except SnapshotNeeded:
            # The log was lost or has left us behind. The lists tell how things stand.
            look.board.outdated.set()


def _print_summary(board: Board) -> None:
    for line in summary_lines(board):
        _print(line)


def _print(line: str) -> None:
    # Not by rich: of a closed pipe it makes a SystemExit, which a task must not raise.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
