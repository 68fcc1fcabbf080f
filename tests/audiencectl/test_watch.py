"""`audiencectl watch` on a terminal, into a pipe, and as JSON."""

import itertools
import select
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from audience.v1.audiences_pb2 import Audience
from enrichment.v1.accounts_pb2 import Account
from enrichment.v1.enrichments_pb2 import Enrichment, EnrichmentProgress
from enrichment.v1.events_pb2 import EVENT_TYPE_ACCOUNT_CONNECTED, Event
from google.protobuf.json_format import Parse
from rich.console import Console

from clients.audiencectl.watch_board import Board
from clients.audiencectl.watch_screen import Screen, summary_lines
from tests.audiencectl.conftest import Cli
from tests.audiencectl.terminal import Terminal, terminal

_ALTERNATE_SCREEN = "\x1b[?1049h"
_ORDINARY_SCREEN = "\x1b[?1049l"
_SHOW_CURSOR = "\x1b[?25h"


def connect(cli: Cli, account: str, *, workspace: str) -> None:
    """Connect an account."""
    ended = cli(
        *("--workspace", workspace, "account", "connect", account),
        *("--provider-account-id", f"{workspace}-{account}", "--strategy", "new"),
    )
    assert ended.exit_code == 0, ended.output


def test_the_screen_is_live_resizes_and_leaves_the_terminal_as_it_was(cli: Cli) -> None:
    connect(cli, "first", workspace="screen")
    cli("--workspace", "screen", "audience", "create", "people", "--account", "first")
    with terminal(
        "--data-dir", str(cli.data_dir), "--workspace", "screen", "watch", "--interval", "1"
    ) as screen:
        shown = screen.until(lambda drawn: "people" in drawn and "first" in drawn, "the lists")
        assert _ALTERNATE_SCREEN in shown
        screen.until(lambda drawn: "0 events so far" in drawn, "that it follows events")
        connect(cli, "second", workspace="screen")
        screen.until(lambda drawn: "account connected" in drawn, "the event")
        cli("--workspace", "screen", "budget", "consume", "second", "3")
        screen.until(lambda drawn: _rows(drawn, "second", "3"), "today's use")
        cli("--workspace", "screen", "account", "disconnect", "second")
        screen.until(lambda drawn: "waits for a person" in drawn, "the pause")
        screen.resize(rows=8, columns=40)
        screen.until(lambda drawn: "…" in drawn, "what is cut off at 40 columns")
        screen.press(b"\x03")
        assert screen.end() == 0
        assert_restored(screen)


@pytest.mark.parametrize("height", [3, 8, 12, 24, 60])
@pytest.mark.parametrize("count", [0, 1, 5, 100])
def test_whatever_there_is_fits_the_window(height: int, count: int) -> None:
    parent = "workspaces/w"
    board = Board(workspace=parent, following=True)
    names = [f"{each}" for each in range(count)]
    board.list_accounts([Account(name=f"{parent}/accounts/{each}") for each in names], [])
    board.list_enrichments([Enrichment(name=f"{parent}/enrichments/{each}") for each in names])
    board.list_audiences([Audience(name=f"{parent}/audiences/{each}") for each in names])
    for each in range(100):
        board.take_in(Event(account=f"{parent}/accounts/{each}"))
    console = Console(width=60, height=height)
    lines = console.render_lines(Screen(board), pad=False)
    assert len(lines) <= height
    last = "".join(segment.text for segment in lines[-1])
    assert "99" in last, "the newest event is the last line"


def test_whoever_was_withdrawn_or_erased_is_not_in_the_progress() -> None:
    board = Board(workspace="workspaces/w", following=True)
    progress = EnrichmentProgress(total=3, pending=1, enriched=2, withdrawn=2, erased=5)
    board.list_enrichments([Enrichment(name="workspaces/w/enrichments/e", progress=progress)])
    assert "enrichment e: 2/3 profiles, idle" in summary_lines(board)


def test_a_signal_leaves_the_terminal_as_it_was(cli: Cli) -> None:
    with terminal("--data-dir", str(cli.data_dir), "watch") as screen:
        screen.until(lambda drawn: "account" in drawn, "the header")
        screen.process.send_signal(signal.SIGTERM)
        assert screen.end() == 0
        assert_restored(screen)


def test_a_service_that_cannot_be_reached_is_told_at_once(cli: Cli) -> None:
    with terminal("--enrichment", "127.0.0.1:1", "--audience", "127.0.0.1:1", "watch") as screen:
        assert screen.end() == 3
        assert _ALTERNATE_SCREEN not in screen.drawn
        assert "audiencectl doctor" in screen.drawn.replace("\r\n", " ")


def test_into_a_pipe_it_says_how_things_stand_then_events(cli: Cli) -> None:
    connect(cli, "before", workspace="piped")
    with piped(cli, "--workspace", "piped", "watch") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"workspaces/piped: 1 account, ")
        assert process.stdout.readline() == b"account before: 0/10 views, ready\n"
        connect(cli, "after", workspace="piped")
        line = process.stdout.readline().decode()
        assert "after" in line
        assert "account connected" in line
        assert "\x1b" not in line
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_as_json_every_line_is_an_event(cli: Cli) -> None:
    with piped(cli, "--workspace", "watched", "watch", "--json") as process:
        assert process.stdout is not None
        for number in itertools.count():
            # From when on it listens cannot be seen.
            connect(cli, f"account-{number}", workspace="watched")
            if select.select([process.stdout], [], [], 0.2)[0]:
                break
        event = Parse(process.stdout.readline(), Event())
        assert event.type == EVENT_TYPE_ACCOUNT_CONNECTED
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_once_it_ends_by_itself(cli: Cli) -> None:
    connect(cli, "only", workspace="once")
    ended = cli("--workspace", "once", "watch", "--once")
    assert ended.exit_code == 0
    assert "account only: 0/10 views, ready" in ended.stdout


def assert_restored(screen: Terminal) -> None:
    """The ordinary screen, with a cursor."""
    after = screen.drawn.rpartition(_ALTERNATE_SCREEN)[2]
    assert _ORDINARY_SCREEN in after
    assert _SHOW_CURSOR in after
    assert "Traceback" not in after


@contextmanager
def piped(cli: Cli, *words: str) -> Generator[subprocess.Popen[bytes]]:
    """audiencectl with stdout in a pipe."""
    process = subprocess.Popen(
        [sys.executable, "-m", "clients.audiencectl", "--data-dir", str(cli.data_dir), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _rows(drawn: str, account: str, views: str) -> bool:
    """Whether a line has the account and that many views."""
    return any(account in line and f" {views} " in line for line in drawn.splitlines())
