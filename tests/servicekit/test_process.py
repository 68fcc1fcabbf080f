"""A service as a process: its ready line, its end on SIGTERM, its refusals."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def probe_process(**settings: str) -> AsyncIterator[Process]:
    """The probe process with these settings; killed by its id if it is still there at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.servicekit.probe_process"),
        stdout=PIPE,
        stderr=PIPE,
        cwd=ROOT,
        env={**os.environ, **{f"PROBE_{name}": value for name, value in settings.items()}},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_ready_line_then_answers_then_ends_cleanly(number: signal.Signals) -> None:
    async with probe_process() as process:
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        assert ready["service"] == "probe"
        async with grpc.aio.insecure_channel(ready["address"]) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            await health.Check(health_pb2.HealthCheckRequest())
        process.send_signal(number)
        output, log = await process.communicate()
        assert process.returncode == 0
        assert output == b""
        events = [json.loads(line) for line in log.splitlines()]
        assert [e["event"] for e in events] == ["ready", "call", "draining", "stopped"]
        assert events[1]["method"] == "/grpc.health.v1.Health/Check"
        assert events[1]["code"] == "OK"


async def test_bad_settings_end_with_status_2_and_a_line_each() -> None:
    async with probe_process(PORT="many", INSECUR="true") as process:
        output, log = await process.communicate()
        assert process.returncode == 2
        assert output == b""
        lines = log.decode().splitlines()
        assert lines[0] == "PROBE_INSECUR: there is no such setting; did you mean PROBE_INSECURE?"
        assert lines[1].startswith("PROBE_PORT: Input should be a valid integer")
        assert len(lines) == 2


async def test_open_plain_text_ends_with_status_2_and_names_the_variable() -> None:
    async with probe_process(HOST="0.0.0.0") as process:
        _, log = await process.communicate()
        assert process.returncode == 2
        assert b"set PROBE_INSECURE=true" in log
