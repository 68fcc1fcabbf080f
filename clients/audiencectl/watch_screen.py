"""How `audiencectl watch` looks: one screen on a terminal, or lines where there is none."""

from collections.abc import Iterator, Sequence
from typing import Final

from audience.v1.audiences_pb2 import AUDIENCE_STATE_BUILDING
from enrichment.v1.enrichments_pb2 import Enrichment
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from clients.audiencectl.event_lines import event_line
from clients.audiencectl.output import counted, pause_in_words, printable, short
from clients.audiencectl.watch_board import AccountState, AudienceState, Board

_BAR_WIDTH: Final = 20
_LEAST_EVENTS: Final = 4
# Above and below the rows of a table: its header, the rule, and a blank line.
_TABLE_FRAME: Final = 3

_Row = Sequence[RenderableType]


class Screen:
    """The board, cut to the height of the terminal at the moment."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        left = options.height or console.size.height
        header = Text(self._header(), no_wrap=True, overflow="ellipsis", style="bold")
        yield header
        left -= 1
        for trouble in self._board.troubles.values():
            yield Text(printable(trouble), no_wrap=True, overflow="ellipsis", style="red")
            left -= 1
        tables = [each for each in self._tables() if each[1]]
        # What is left, less a few events, is shared; where that is nothing, the last one goes.
        while tables and _share(left, len(tables)) < 1:
            tables.pop()
        for index, (columns, rows) in enumerate(tables):
            share = _share(left, len(tables) - index)
            shown = rows if len(rows) <= share else rows[: share - 1]
            yield _table(columns, shown, hidden=len(rows) - len(shown))
            yield Text()
            left -= _TABLE_FRAME + min(share, len(rows))
        yield from self._event_lines(max(0, left))

    def _header(self) -> str:
        board = self._board
        events = (
            f"{counted(board.event_count, 'event')} so far" if board.following else "no events yet"
        )
        return f"{_counts(board)}, {events}   Ctrl-C ends"

    def _tables(self) -> list[tuple[tuple[str, ...], list[_Row]]]:
        board = self._board
        return [
            (
                ("account", "views today", "", "cap", "errors", "state"),
                [_account_row(each) for each in _accounts(board)],
            ),
            (
                ("enrichment", "progress", "", "failed", "complete", "state"),
                [_enrichment_row(each) for each in board.enrichments.values()],
            ),
            (
                ("audience", "members", "joined", "enriched", "pending", "state"),
                [_audience_row(each) for each in board.audiences.values()],
            ),
        ]

    def _event_lines(self, room: int) -> Iterator[Text]:
        if room:
            for event in list(self._board.events)[-room:]:
                yield Text(event_line(event), no_wrap=True, overflow="ellipsis", style="dim")


def summary_lines(board: Board) -> Iterator[str]:
    """How things stand, a line for each account, enrichment and audience."""
    yield _counts(board)
    yield from board.troubles.values()
    for state in _accounts(board):
        budget = state.budget
        words = pause_in_words(state.account.pause) or "ready"
        views = f"{budget.committed}/{counted(budget.limit, 'view')}"
        yield f"account {short(state.account.name)}: {views}, {words}"
    for enrichment in board.enrichments.values():
        done, total = _progress(enrichment)
        end = enrichment.forecast.earliest_complete_date
        words = pause_in_words(enrichment.pause) or (f"complete {end}" if end else "idle")
        yield f"enrichment {short(enrichment.name)}: {done:,}/{counted(total, 'profile')}, {words}"
    for each in board.audiences.values():
        progress = each.audience.progress
        yield (
            f"audience {short(each.audience.name)}: {counted(progress.members, 'member')}, "
            f"{progress.pending:,} pending"
        )


def _counts(board: Board) -> str:
    return (
        f"{board.workspace}: {counted(len(board.accounts), 'account')}, "
        f"{counted(len(board.enrichments), 'enrichment')}, "
        f"{counted(len(board.audiences), 'audience')}"
    )


def _share(height: int, tables: int) -> int:
    return (height - _LEAST_EVENTS) // tables - _TABLE_FRAME


def _accounts(board: Board) -> list[AccountState]:
    """Those that wait for a person first: they are why somebody looks."""
    return sorted(
        board.accounts.values(),
        key=lambda each: (not each.account.pause.waits_for_person, each.account.name),
    )


def _account_row(state: AccountState) -> _Row:
    account, budget = state.account, state.budget
    used = budget.committed + budget.reserved
    pause = pause_in_words(account.pause)
    style = "red" if account.pause.waits_for_person else "yellow" if pause else "green"
    return (
        short(account.name),
        _bar(used, budget.limit),
        f"{budget.committed}+{budget.reserved}" if budget.reserved else f"{budget.committed}",
        f"{budget.limit}",
        f"{account.counted_errors_today}",
        Text(pause or "ready", style=style),
    )


def _enrichment_row(enrichment: Enrichment) -> _Row:
    done, total = _progress(enrichment)
    pause = pause_in_words(enrichment.pause)
    at_work = "at work" if enrichment.progress.pending else "idle"
    return (
        short(enrichment.name),
        _bar(done, total),
        f"{done:,}/{total:,}",
        f"{enrichment.progress.failed:,}",
        enrichment.forecast.earliest_complete_date,
        Text(pause or at_work, style="yellow" if pause else "green"),
    )


def _audience_row(state: AudienceState) -> _Row:
    progress = state.audience.progress
    building = state.audience.state == AUDIENCE_STATE_BUILDING
    return (
        short(state.audience.name),
        f"{progress.members:,}",
        f"+{state.joined:,}" if state.joined > 0 else "",
        f"{progress.enriched + progress.cached:,}",
        f"{progress.pending:,}",
        Text("being put together" if building else pause_in_words(progress.pause), style="yellow"),
    )


def _progress(enrichment: Enrichment) -> tuple[int, int]:
    """Profiles that came to an end, and all; the total is without withdrawn and erased ones."""
    progress = enrichment.progress
    return progress.total - progress.pending, progress.total


def _bar(completed: int, total: int) -> RenderableType:
    if not total:
        return ""
    return ProgressBar(total=total, completed=completed, width=_BAR_WIDTH)


def _table(columns: Sequence[str], rows: Sequence[_Row], *, hidden: int) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*row)
    return Group(table, Text(f"and {hidden} more")) if hidden else table
