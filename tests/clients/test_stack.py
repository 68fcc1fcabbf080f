"""The embedded stack: one line when it is up, nothing left when it is gone, all data when back."""

import json
import os
import signal
import socket
from functools import partial
from pathlib import Path

import pytest
from enrichment.v1.accounts_pb2 import (
    ACCOUNT_STRATEGY_NEW,
    Account,
    ConnectAccountRequest,
    GetAccountRequest,
)

from clients.audiencectl.probes import service_serves, simulator_serves, store_serves
from clients.enrichment import EnrichmentClient
from tests.support.stack_process import RunningStack, command, left_running, running
from tests.support.waiting import until

ACCOUNT = "workspaces/demo/accounts/ada"


async def test_it_carries_on_where_it_was_ended(tmp_path: Path) -> None:
    """An account that was connected before the stack ended is there when it is back."""
    data_dir = tmp_path / "data"
    async with running(data_dir, "--stepped-clock") as stack:
        async with EnrichmentClient(stack.enrichment) as client:
            await client.accounts.ConnectAccount(
                ConnectAccountRequest(
                    parent="workspaces/demo",
                    account_id="ada",
                    account=Account(provider_account_id="ada", strategy=ACCOUNT_STRATEGY_NEW),
                )
            )
        pids = stack.pids
        assert set(pids) == {"store", "simulator", "enrichment", "audience"}
        assert not set(pids) - set(left_running(pids)), "all of them run"
        assert await stack.stop() == 0
        assert left_running(pids) == []
        assert not (data_dir / "addresses.json").exists()
    async with running(data_dir, "--stepped-clock") as stack:
        async with EnrichmentClient(stack.enrichment) as client:
            answer = await client.accounts.GetAccount(GetAccountRequest(name=ACCOUNT))
        assert answer.account.strategy == ACCOUNT_STRATEGY_NEW
        assert not answer.account.HasField("pause"), "the day counts as intact"


async def test_a_killed_parent_leaves_nothing_running(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as stack:
        pids = stack.pids
        stack.process.kill()
        await stack.process.wait()
        await until(lambda: left_running(pids) == [], "all processes are gone")


async def test_whatever_is_killed_comes_back_on_its_port(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as stack:
        for name in ("store", "simulator", "enrichment", "audience"):
            before = dict(stack.pids)
            os.kill(before[name], signal.SIGKILL)
            await until(partial(_is_new, stack, before, name), f"{name} is up again")
        assert await service_serves(_port(stack.audience))
        assert await service_serves(_port(stack.enrichment))
        assert await simulator_serves(_port(stack.simulator))
        assert await store_serves(_port(json.loads(stack.line)["store"]))


async def test_a_directory_holds_one_stack(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    async with running(data_dir) as stack:
        second = await command("up", "--data-dir", str(data_dir), "--audience-port", "0")
    assert second.status == 1
    assert second.stdout == ""
    assert str(stack.process.pid) in second.stderr
    assert "--data-dir" in second.stderr


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        ended = await command("up", "--data-dir", str(tmp_path / "d"), "--enrichment-port", port)
    assert ended.status == 1
    assert f"Port {port} is taken" in ended.stderr
    assert "--enrichment-port" in ended.stderr


@pytest.mark.parametrize("made", ["clock", "store"])
async def test_real_and_stepped_time_do_not_mix(tmp_path: Path, made: str) -> None:
    (tmp_path / "data").mkdir()
    if made == "clock":
        (tmp_path / "data" / "clock").write_bytes(bytes(8))
        ended = await command("up", "--data-dir", str(tmp_path / "data"))
    else:
        (tmp_path / "data" / "store").mkdir()
        ended = await command("up", "--data-dir", str(tmp_path / "data"), "--stepped-clock")
    assert ended.status == 1
    assert "--stepped-clock" in ended.stderr


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _is_new(stack: RunningStack, before: dict[str, int], name: str) -> bool:
    return stack.pids[name] not in (before[name], None)
