"""The process: how it starts and ends, and what survives a kill -9."""

import struct
from pathlib import Path

import aiohttp
import pytest

from tests.support.simulator_client import SimulatorClient, lasting
from tests.support.simulator_process import SimulatorProcess

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000  # 2026-01-01 00:00 UTC


def test_it_says_where_it_listens_once_and_ends_cleanly(tmp_path: Path) -> None:
    with SimulatorProcess(tmp_path) as process:
        assert process.address.startswith("127.0.0.1:")
        assert process.terminate() == 0
        assert (process.output, process.log) == ("", "")


async def test_sigterm_does_not_wait_for_a_hung_answer(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with SimulatorProcess(tmp_path) as process:
        client = SimulatorClient(url=process.url, session=session)
        await client.fault(account="a", action="hang")
        with pytest.raises(TimeoutError):
            async with session.get(
                f"{process.url}/api/v1/users/ada-lovelace?account_id=a",
                headers={"X-API-KEY": "simulator-key"},
                timeout=aiohttp.ClientTimeout(total=0.2),
            ):
                pass
        assert process.terminate() == 0
        assert process.log == ""


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"port": "70000"}, "port"),
        ({"clock_file": "/nowhere/clock"}, "SIMULATOR_CLOCK_FILE"),
        ({"null_share": "2"}, "null_share"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, settings: dict[str, str], hint: str) -> None:
    with pytest.raises(RuntimeError, match=hint):
        SimulatorProcess(tmp_path, **settings)


def test_a_data_folder_has_one_simulator(tmp_path: Path) -> None:
    with SimulatorProcess(tmp_path), pytest.raises(RuntimeError, match="in use"):
        SimulatorProcess(tmp_path)


async def test_a_kill_loses_no_view_no_person_no_account_no_fault(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    by_id = "ACoAA" + "x" * 34
    with SimulatorProcess(tmp_path, null_share="0") as process:
        client = SimulatorClient(url=process.url, session=session)
        ada = (await client.view("Ada-Lovelace", account="a")).json
        other = (await client.view(by_id, account="a")).json
        await client.call("POST", "/_sim/accounts", json=[{"id": "b", "status": "CREDENTIALS"}])
        posted = {"vanity": "posted-person", "provider_id": "ACoAA" + "p" * 34}
        await client.call("POST", "/_sim/people", json=[posted])
        await client.fault(account="c", action="error", type="too_many_requests", match_times=2)
        assert (await client.view("ada-lovelace", account="c")).status == 429
        before = [await client.views(account) for account in "abc"]
        process.kill()
    with (tmp_path / "views.jsonl").open("ab") as log:
        log.write(b'{"n":99,"account_id":"a","torn')
    with SimulatorProcess(tmp_path, null_share="0") as process:
        client = SimulatorClient(url=process.url, session=session)
        assert [await client.views(account) for account in "abc"] == before
        assert len(before[0]) == 2
        for known, identifier in (
            (ada, ada["provider_id"]),
            (other, other["public_identifier"]),
        ):
            again = (await client.view(identifier, account="a")).json
            assert lasting(again) == lasting(known)
        found = (await client.view("posted-person", account="a")).json
        assert found["provider_id"] == posted["provider_id"]
        assert (await client.view("ada-lovelace", account="b")).status == 401
        # One of the two times was used up before the kill.
        assert (await client.view("ada-lovelace", account="c")).status == 429
        assert (await client.view("ada-lovelace", account="c")).status == 200
        numbers = [view["n"] for account in "abc" for view in await client.views(account)]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


async def test_the_stepped_clock_dates_views_and_pictures(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("<q", START_MS))
    with SimulatorProcess(
        tmp_path / "data", clock_file=str(clock), picture_seconds="60", null_share="0"
    ) as process:
        client = SimulatorClient(url=process.url, session=session)
        profile = (await client.view("ada-lovelace", account="a")).json
        assert f"e={START_MS // 1000 + 60}&" in profile["profile_picture_url"]
        with clock.open("r+b") as file:
            file.write(struct.pack("<q", START_MS + 3 * DAY_MS - 1))
        await client.view("ada-lovelace", account="a")
        await client.view("grace-hopper", account="a")
        views = await client.views("a")
        summary = (await client.call("GET", "/_sim/views/summary")).json
    last = START_MS + 3 * DAY_MS - 1
    assert [view["time_ms"] for view in views] == [START_MS, last, last]
    assert all(abs(view["real_ms"] - view["time_ms"]) > DAY_MS for view in views)
    assert summary == {"accounts": {"a": {"2026-01-01": 1, "2026-01-03": 2}}}
